// guests DIRECTORY: a reactor that creates others in react(), and some constructors throw.
#include <afterimage/recorder.h>

#include <stdexcept>
#include <string>
#include <vector>

struct Guest {
  std::string name;
  explicit Guest(int number) : name("guest number " + std::to_string(number) + ", with a name of some length") {
    if (number % 3 == 0) throw std::invalid_argument("the name of " + name + " is not on the list");
  }
  void react(const int& drinks) { name += std::to_string(drinks); }
};

struct Host {
  afterimage::Recorder* recorder;
  std::vector<afterimage::Reactor<Guest>> guests;
  std::vector<std::string> refused;

  explicit Host(afterimage::Recorder* its_recorder) : recorder(its_recorder) {}
  void react(const int& number) {
    try {
      guests.push_back(recorder->create<Guest>("guest", number));
      guests.back().deliver(number);
    } catch (const std::invalid_argument& why) {
      refused.push_back(why.what());
    }
  }
};

int main(int, char** argv) {
  auto recorder = afterimage::Recorder::open({.directory = argv[1], .state_digests = true});
  auto host = recorder.create<Host>("host", &recorder);
  for (int number = 1; number <= 10; ++number) host.deliver(number);
  return host->refused.size() == 3 ? 0 : 1;
}
