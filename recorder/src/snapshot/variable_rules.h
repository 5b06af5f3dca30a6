// Which modules' variables belong to the recorded state.
//
// The program's own and those of the libraries it uses: what react() leaves there it finds again. Not those of the C and C++
// run-time libraries: they hold the process together (locks, threads, open streams, loaded libraries), and the replayer is another
// process. What react() asks of them is recorded as a call instead.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "os/modules.h"

namespace afterimage {

// Of the C and C++ run-time libraries, ours among them; by its name without folders.
bool is_runtime_library(std::string_view file_name);

class VariableRules {
 public:
  // "auto", or "none" for those of the executable only; then "+NAME" and "-NAME" for libraries whose file names begin so, all
  // separated by commas. The last one that applies decides.
  explicit VariableRules(std::string_view rules);

  bool include(const os::Module& module) const;

 private:
  struct Exception {
    std::string name;
    bool included;
  };
  bool libraries_ = true;
  std::vector<Exception> exceptions_;
};

// Where modules have their variables, and which modules they are.
struct Variables {
  std::vector<os::AddressRange> ranges;    // whole pages: what is saved and restored
  std::vector<os::AddressRange> compared;  // without what the loader notes there in its own time
  std::vector<std::uintptr_t> modules;     // bases; their thread-local variables are found thread by thread

  void add(const os::Module& module, const os::AddressRange& range);
};
Variables included_variables(const std::vector<os::Module>& modules, const VariableRules& rules);

}  // namespace afterimage
