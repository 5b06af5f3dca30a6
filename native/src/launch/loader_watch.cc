#include "loader_watch.h"

#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstring>

namespace afterimage::launch {

namespace {

constexpr Address replayer_option = 0x41494D47;  // "AIMG": prctl(replayer_option, one of these, 0, 0, 0) by the replayer
constexpr Address replayer_ready = 1, slot_taken = 2;

bool has(Address flags, int flag) { return (flags & static_cast<Address>(flag)) != 0; }

bool place_is_free_to_choose(const Registers& mmap) {
  return !has(mmap.r10, MAP_FIXED) && !has(mmap.r10, MAP_FIXED_NOREPLACE);
}

// A stop signal would leave the program stopped behind our back.
bool is_stop_signal(int number) {
  return number == SIGSTOP || number == SIGTSTP || number == SIGTTIN || number == SIGTTOU;
}

[[noreturn]] void fail_ended(const Stop& stop) {
  const auto how = stop.kind == Stop::Kind::exited ? text("with exit status ", stop.value)
                                                   : text("by signal ", stop.value, " (", strsignal(stop.value), ")");
  throw LaunchError(ExitCode::ended_early, "the program ended ", how,
                    " before the replayer was ready; is it linked with libafterimage.so?");
}

}  // namespace

LoaderWatch::End LoaderWatch::run() {
  bool inside_call = false;
  Call call;
  int deliver = 0;
  for (;;) {
    const Stop stop = tracee_.resume(deliver);
    deliver = 0;
    if (stop.kind == Stop::Kind::exited || stop.kind == Stop::Kind::killed) fail_ended(stop);
    if (stop.kind == Stop::Kind::exec) return End::exec;
    if (stop.kind == Stop::Kind::signal) {
      if (!is_stop_signal(stop.value)) deliver = stop.value;
      continue;
    }
    inside_call = !inside_call;
    if (inside_call) {
      call = on_entry(tracee_.registers());
      continue;
    }
    on_exit(call);
    if (call.kind == Call::Kind::ready) return End::ready;
  }
}

LoaderWatch::Call LoaderWatch::on_entry(Registers registers) {
  switch (registers.orig_rax) {
    case SYS_openat:
      return {.kind = Call::Kind::open};
    case SYS_mmap:
      return on_mmap(registers);
    case SYS_munmap:
      return on_munmap(registers);
    case SYS_arch_prctl:
      if (registers.rdi == ARCH_SET_FS) on_set_fs(registers.rsi);
      return {};
    case SYS_prctl:
      return on_prctl(registers);
    default:
      return {};
  }
}

void LoaderWatch::on_exit(const Call& call) {
  if (call.kind == Call::Kind::ordinary) return;
  auto registers = tracee_.registers();
  const auto result = static_cast<long>(registers.rax);
  switch (call.kind) {
    case Call::Kind::open:
      if (result >= 0) last_opened_ = static_cast<int>(result);
      break;
    case Call::Kind::mapping:
      if (call.wanted != 0 && registers.rax != call.wanted) {
        throw TryAgain{text("the range at ", hex(call.wanted), " is taken")};
      }
      if (call.counts_as_anonymous) anonymous_.push_back({registers.rax, call.bytes});
      break;
    case Call::Kind::ready:
      tell_missing();
      [[fallthrough]];
    default:  // dropped, ready: calls the kernel did not make succeed
      registers.rax = 0;
      tracee_.set_registers(registers);
  }
}

LoaderWatch::Call LoaderWatch::on_prctl(const Registers& registers) const {
  if (registers.rdi != replayer_option) return {};
  if (registers.rsi == slot_taken && slot_must_be_free_) throw TryAgain{"something is in the reactor's slot"};
  return {.kind = registers.rsi == replayer_ready ? Call::Kind::ready : Call::Kind::ordinary};
}

LoaderWatch::Call LoaderWatch::on_mmap(Registers registers) {
  if (!place_is_free_to_choose(registers)) return {};
  if (const Module* module = library_reserved_by(registers)) {
    placed_.insert(module);
    if (recorded_.overlaps_other(module->base, registers.rsi, module) && !has(registers.r10, MAP_ANONYMOUS)) return {};
    note(text(module->path, " at ", hex(module->base)));
    if (!has(registers.r10, MAP_ANONYMOUS)) return redirect(registers, module->base, registers.rsi);
    trim_at_ = module->base + module->bytes;
    return redirect(registers, module->base, module->bytes);
  }
  const bool could_be_tls = !thread_pointer_set_ && has(registers.r10, MAP_ANONYMOUS) && registers.rdx == (PROT_READ | PROT_WRITE);
  return could_be_tls ? on_anonymous_mmap(registers) : Call{};
}

LoaderWatch::Call LoaderWatch::on_anonymous_mmap(const Registers& registers) {
  Call call{.kind = Call::Kind::mapping, .counts_as_anonymous = true, .bytes = registers.rsi};
  const auto place = tls_.place_of(anonymous_.size());
  if (!place) return call;
  if (recorded_.overlaps_other(*place, registers.rsi, nullptr)) {
    tls_.give_up("recorded libraries are there");
    return call;
  }
  call.wanted = redirect(registers, *place, registers.rsi).wanted;
  return call;
}

// The library whose address range this mmap reserves; nullptr for every other mmap.
const Module* LoaderWatch::library_reserved_by(const Registers& mmap) {
  const bool anonymous = has(mmap.r10, MAP_ANONYMOUS);
  const bool by_file = !anonymous && has(mmap.r10, MAP_DENYWRITE) && mmap.r9 == 0;
  const bool with_alignment = mmap.r10 == (MAP_PRIVATE | MAP_ANONYMOUS) && mmap.rdx == PROT_NONE;
  if (!by_file && !with_alignment) return nullptr;
  const int fd = by_file ? static_cast<int>(mmap.r8) : last_opened_;
  const auto name = fd < 0 ? std::string() : name_of(fd);
  if (name.empty()) return nullptr;
  const Module* module = recorded_.identify_library(text("/proc/", tracee_.pid(), "/fd/", fd), name, placed_);
  if (module == nullptr && by_file) note(text(name, " is not in the recording, or already placed"));
  // Somebody else's PROT_NONE mapping: a reservation with alignment is longer than the library.
  if (module != nullptr && with_alignment && mmap.rsi <= module->bytes) return nullptr;
  return module;
}

LoaderWatch::Call LoaderWatch::redirect(Registers mmap, Address place, std::uint64_t bytes) {
  mmap.rdi = place;
  mmap.rsi = bytes;
  mmap.r10 |= MAP_FIXED_NOREPLACE;
  tracee_.set_registers(mmap);
  return {.kind = Call::Kind::mapping, .wanted = place, .bytes = bytes};
}

LoaderWatch::Call LoaderWatch::on_munmap(Registers registers) {
  if (trim_at_ == 0 || registers.rdi != trim_at_) return {};
  trim_at_ = 0;
  registers.orig_rax = ~Address{0};
  tracee_.set_registers(registers);
  return {.kind = Call::Kind::dropped};
}

void LoaderWatch::on_set_fs(Address fs) {
  if (thread_pointer_set_) return;
  thread_pointer_set_ = true;
  tls_.learn(fs, anonymous_);
}

void LoaderWatch::tell_missing() const {
  for (const auto& module : plan_.modules) {
    if (module.kind != ModuleKind::lib || placed_.contains(&module)) continue;
    say(text("the recorded library ", module.path, " was not loaded: pointers into it are wrong."));
  }
}

// Empty when the descriptor is no file.
std::string LoaderWatch::name_of(int fd) const {
  char target[PATH_MAX];
  const auto link = text("/proc/", tracee_.pid(), "/fd/", fd);
  const auto bytes = readlink(link.c_str(), target, sizeof target);
  if (bytes <= 0 || target[0] != '/') return {};
  return {target, static_cast<std::size_t>(bytes)};
}

}  // namespace afterimage::launch
