// While the recording of a reactor that has ended is removed, for the next one to have its number, no other reactor waits.
#include <dirent.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "afterimage/recorder.h"
#include "check.h"
#include "temporary_directory.h"

using namespace afterimage;

namespace {

struct Session {
  int events = 0;
  void react(const int& number) { events += number; }
};

constexpr std::size_t kFiles = 5000;

std::size_t files_in(const std::string& path) {
  DIR* const directory = opendir(path.c_str());
  if (directory == nullptr) return 0;
  std::size_t files = 0;
  while (readdir(directory) != nullptr) ++files;
  closedir(directory);
  return files;
}

// It takes a while to remove these.
std::string fill(const std::string& reactor_directory) {
  const std::string directory = reactor_directory + "/many";
  std::filesystem::create_directory(directory);
  for (std::size_t i = 0; i < kFiles; ++i) std::ofstream(directory + "/" + std::to_string(i));
  return directory;
}

// Whether another thread got at the recorder while the files were being removed. It may be late: then all are gone.
bool nobody_waits(Recorder& recorder) {
  recorder.create<Session>("first").deliver(1);
  const std::string many = fill(recorder.path() + "/r0");
  const std::size_t all = files_in(many);
  std::thread creator([&] { recorder.create<Session>("second").deliver(1); });
  while (files_in(many) == all) continue;
  (void)recorder.status();
  const bool during = files_in(many) > 0;
  creator.join();
  CHECK_EQUAL(files_in(many), 0u);
  return during;
}

}  // namespace

int main() {
  const TemporaryDirectory directory("making-room");
  bool during = false;
  for (int attempt = 0; attempt < 50 && !during; ++attempt) {
    auto recorder = Recorder::open({.directory = directory.path(), .keep_ended_reactors = 0});
    during = nobody_waits(recorder);
    CHECK(recorder.status().ok());
  }
  CHECK(during);
}
