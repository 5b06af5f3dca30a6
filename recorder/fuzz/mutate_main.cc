// Runs a fuzz target without libFuzzer: on files as they are, and on seeded mutations of them. For gcc, and for `npm test`.
//
//     segments_fuzz MUTATIONS PATH...      directories are searched for files
//
// A failure names the file and the mutation.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

constexpr std::uintmax_t kBytesMost = 1 << 20;

// Said when a target ends the process.
std::string g_doing;
void tell() { std::fprintf(stderr, "while running %s\n", g_doing.c_str()); }

std::vector<fs::path> files_in(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path))
    if (entry.is_regular_file() && entry.file_size() <= kBytesMost) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

Bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Words that headers are made of do more harm than noise.
constexpr std::uint64_t kNasty[] = {0,          1,          0x7f,    0xff, 0xffff, 0x1000,
                                    0x7fffffff, 0xffffffff, ~0ULL, ~0ULL >> 1, ~0xfffULL};

void mutate(Bytes& bytes, std::mt19937_64& random) {
  const auto below = [&](std::size_t limit) { return std::size_t{random() % std::max<std::size_t>(limit, 1)}; };
  for (std::size_t changes = 1 + below(6); changes > 0 && !bytes.empty(); --changes) {
    // Half of them where the headers are.
    const std::size_t at = below(below(2) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 512));
    const std::uint64_t word = kNasty[below(std::size(kNasty))];
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t few = std::min(bytes.size() - at, below(64));
    switch (below(5)) {
      case 0: bytes[at] = static_cast<std::uint8_t>(random()); break;
      case 1: std::memcpy(bytes.data() + at, &word, std::min(bytes.size() - at, std::size_t{1} << below(4))); break;
      case 2: bytes.resize(at); break;
      case 3: bytes.erase(place, place + static_cast<std::ptrdiff_t>(few)); break;
      default: bytes.insert(place, few, static_cast<std::uint8_t>(random()));
    }
  }
}

void run(const Bytes& bytes) {
  const Bytes copy(bytes);  // without capacity to spare
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) return std::fputs("usage: TARGET MUTATIONS PATH...\n", stderr), 64;
  std::vector<fs::path> files;
  for (int i = 2; i < count; ++i) std::ranges::copy(files_in(arguments[i]), std::back_inserter(files));
  if (files.empty()) return std::fputs("there are no files to run\n", stderr), 66;
  std::signal(SIGABRT, [](int) { tell(); });
  std::signal(SIGSEGV, [](int) { tell(), std::_Exit(1); });

  std::vector<Bytes> contents;
  for (const fs::path& file : files) {
    contents.push_back(read(file));
    g_doing = file.string();
    run(contents.back());
  }
  const std::uint64_t mutations = std::strtoull(arguments[1], nullptr, 10);
  for (std::uint64_t seed = 0; seed < mutations; ++seed) {
    std::mt19937_64 random(seed);
    const std::size_t chosen = random() % files.size();
    g_doing = files[chosen].string() + ", mutation " + std::to_string(seed);
    Bytes bytes = contents[chosen];
    mutate(bytes, random);
    run(bytes);
  }
  std::printf("%zu files, %llu mutations\n", files.size(), static_cast<unsigned long long>(mutations));
  return 0;
}
