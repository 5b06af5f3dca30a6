// Input of the fuzzer as files: the readers under test take paths, as in a replay. In memory where that exists.
#pragma once
#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

namespace afterimage::fuzz {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    // libFuzzer ends without destructors: scripts/fuzz names a place that it removes itself.
    const char* const given = std::getenv("AFTERIMAGE_FUZZ_SCRATCH");
    std::string pattern = given != nullptr ? given : access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    pattern += "/afterimage-fuzz-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const noexcept { return path_; }

  std::string write(const std::string& name, std::span<const std::uint8_t> bytes) const {
    const std::string path = path_ + "/" + name;
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) std::abort();
    std::fclose(file);
    return path;
  }

 private:
  std::string path_;
};

}  // namespace afterimage::fuzz
