#include "program_image.h"

#include <linux/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "address_space.h"
#include "auxv.h"
#include "interpreter_image.h"

namespace afterimage::launch {

namespace {

// A growing [heap] must not run into something soon: the recorded one had at least this much room, too.
constexpr std::uint64_t heap_room_bytes = std::uint64_t{64} << 20;

Address find_syscall_instruction(const Tracee& tracee, const Image& vdso) {
  static const unsigned char syscall_code[] = {0x0f, 0x05};
  if (!vdso.empty()) {
    std::vector<unsigned char> code(vdso.bytes());
    tracee.read(vdso.base(), code.data(), code.size());
    const auto at = std::search(code.begin(), code.end(), std::begin(syscall_code), std::end(syscall_code));
    if (at != code.end()) return vdso.base() + static_cast<Address>(at - code.begin());
  }
  throw LaunchError(ExitCode::not_permitted, "this kernel gives programs no vdso with a system call (boot option vdso=0?).");
}

// Fields of /proc/PID/stat, numbered from 1 as in proc(5). The command, field 2, may contain anything, also ')'.
class ProcessStat {
 public:
  explicit ProcessStat(pid_t pid) {
    std::ifstream file(text("/proc/", pid, "/stat"));
    std::string line;
    std::getline(file, line);
    std::istringstream behind_command(line.substr(std::min(line.size(), line.rfind(')') + 1)));
    fields_.assign(std::istream_iterator<std::string>(behind_command), {});
  }
  Address field(std::size_t number) const { return std::stoull(fields_.at(number - 3)); }

 private:
  std::vector<std::string> fields_;
};

prctl_mm_map memory_map_of(pid_t pid, Address exe_delta) {
  const ProcessStat stat(pid);
  prctl_mm_map map{};
  map.start_code = stat.field(26) + exe_delta;
  map.end_code = stat.field(27) + exe_delta;
  map.start_stack = stat.field(28);
  map.start_data = stat.field(45) + exe_delta;
  map.end_data = stat.field(46) + exe_delta;
  map.start_brk = map.brk = stat.field(47);
  map.arg_start = stat.field(48);
  map.arg_end = stat.field(49);
  map.env_start = stat.field(50);
  map.env_end = stat.field(51);
  map.exe_fd = ~std::uint32_t{0};  // unchanged; changing it would need a capability
  return map;
}

// PR_SET_MM_MAP needs no capability. Without the new auxv, gdb would look for the executable where the kernel had put it.
void publish(Tracee& tracee, const Auxv& auxv, Address exe_delta, Address recorded_brk) {
  auto map = memory_map_of(tracee.pid(), exe_delta);
  if (recorded_brk != 0) {
    if (AddressSpace::of(tracee.pid()).overlapping(recorded_brk, heap_room_bytes) != nullptr) {
      throw TryAgain{text("the heap belongs at ", hex(recorded_brk), ", where something else is")};
    }
    // Old kernels insist on start_brk > end_data; a heap behind the executable's data satisfies that.
    map.start_brk = map.brk = recorded_brk;
  }
  map.auxv = reinterpret_cast<__u64*>(auxv.address());
  map.auxv_size = static_cast<__u32>(auxv.bytes());
  const Address scratch = (tracee.registers().rsp - 4096) & ~Address{15};  // below the stack pointer: unused as yet
  tracee.write(scratch, &map, sizeof map);
  const auto result = tracee.call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, scratch, sizeof map, 0);
  if (result == 0) return;
  say(text("the kernel refused PR_SET_MM_MAP (", error_text(static_cast<int>(-result)),
           "): debuggers will not find the program's symbols, and [heap] is not at its recorded address."));
}

// A non-PIE executable is where it was; a recorded module that was not recorded stays where the kernel put it.
Address move_to_recorded(Tracee& tracee, const Image& image, const Module* recorded) {
  if (image.empty() || recorded == nullptr) return 0;
  const Address delta = move_image(tracee, image, recorded->base);
  note(text(recorded->path, " at ", hex(recorded->base)));
  return delta;
}

// The machine's own is another build, the plan's is the recorded one.
Address replace_by_recorded(Tracee& tracee, const Image& image, const Module& recorded, Registers& registers) {
  const auto interpreter = replace_interpreter(tracee, image, recorded.path, recorded.base);
  registers.rip = interpreter.entry;
  return interpreter.base - image.base();
}

}  // namespace

void place_program(Tracee& tracee, const RecordedModules& recorded) {
  const Plan& plan = recorded.plan();
  auto auxv = Auxv::read(tracee);
  const auto space = AddressSpace::of(tracee.pid());
  const Image exe = space.image_at(auxv.value(AT_PHDR));
  const Image interp = auxv.value(AT_BASE) == 0 ? Image() : space.image_at(auxv.value(AT_BASE));
  const bool other = !interp.empty() && recorded.brings_interpreter(interp.path());
  if (!interp.empty() && !other) recorded.check_interpreter(interp.path(), interp.path());
  tracee.use_syscall_instruction(find_syscall_instruction(tracee, space.image_at(auxv.value(AT_SYSINFO_EHDR))));

  auto registers = tracee.registers();
  const Address exe_delta = move_to_recorded(tracee, exe, plan.module_of(ModuleKind::exe));
  const Address interp_delta = other ? replace_by_recorded(tracee, interp, *plan.module_of(ModuleKind::interp), registers)
                                     : move_to_recorded(tracee, interp, plan.module_of(ModuleKind::interp));
  if (!other) registers.rip += interp.empty() ? exe_delta : interp_delta;
  tracee.set_registers(registers);
  auxv.add(AT_PHDR, exe_delta);
  auxv.add(AT_ENTRY, exe_delta);
  auxv.add(AT_BASE, interp_delta);
  auxv.write_back(tracee);
  // The stack canary and the pointer guard (setjmp buffers, atexit handlers) come from these bytes.
  if (plan.at_random) tracee.write(auxv.value(AT_RANDOM), plan.at_random->data(), plan.at_random->size());
  publish(tracee, auxv, exe_delta, plan.brk);
}

}  // namespace afterimage::launch
