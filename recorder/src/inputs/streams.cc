// inputs/streams.cc: stdio, which calls the kernel from inside of libc where nobody can stand in front.
//
// Every call on a stream is one input or output, so that a stream opened long before a snapshot is no matter: in the
// replay a FILE* is a number, except for the three standard streams. Not covered: the wide-character functions.
#include <stdarg.h>
#include <stdio.h>

#include "heap/routing.h"
#include "inputs/descriptors.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(fopen)
AFTERIMAGE_REAL(fdopen)
AFTERIMAGE_REAL(fclose)
AFTERIMAGE_REAL(fread)
AFTERIMAGE_REAL(fwrite)
AFTERIMAGE_REAL(fgets)
AFTERIMAGE_REAL(fgetc)
AFTERIMAGE_REAL(fputs)
AFTERIMAGE_REAL(fputc)
AFTERIMAGE_REAL(puts)
AFTERIMAGE_REAL(fflush)
AFTERIMAGE_REAL(fseeko)
AFTERIMAGE_REAL(ftello)
AFTERIMAGE_REAL(rewind)
AFTERIMAGE_REAL(feof)
AFTERIMAGE_REAL(ferror)
AFTERIMAGE_REAL(clearerr)
AFTERIMAGE_REAL(fileno)
AFTERIMAGE_REAL(getdelim)
AFTERIMAGE_REAL(ungetc)
AFTERIMAGE_REAL(vfprintf)
AFTERIMAGE_REAL_NAMED(int(FILE*, const char*, va_list), vfscanf, "__isoc99_vfscanf")

// Of those that are for people.
int descriptor_of(const FILE* stream) noexcept { return stream == stdout ? STDOUT_FILENO : stream == stderr ? STDERR_FILENO : -1; }

// The replayer ends without flushing.
template <typename Write>
void show_on(FILE* stream, Write write) {
  if (is_for_people(descriptor_of(stream))) show([&] { write(), real_fflush(stream); });
}

Call stream_call(CallId id, const void* site, const FILE* stream, std::uint16_t flags = 0) noexcept {
  return Call(id, site, flags).with_pointer(stream).to_people(descriptor_of(stream));
}

Call text_call(CallId id, const void* site, const FILE* stream, const void* text, std::size_t bytes) noexcept {
  return Call(id, site, format::kOutput).with(text, bytes).with_pointer(stream).to_people(descriptor_of(stream));
}

FILE* open_in_react(const void* site, const char* path, const char* mode) {
  const bool reads_only = mode[0] == 'r' && std::strchr(mode, '+') == nullptr;
  return intercept(Call(CallId::fopen, site, reads_only ? std::uint16_t{0} : std::uint16_t{format::kOutput}).with(path).with(mode),
                   Otherwise::fail, [&] { return real_fopen(path, mode); });
}

int seek_in_react(const void* site, FILE* stream, off_t offset, int whence) {
  return intercept(stream_call(CallId::fseek, site, stream).with(offset).with(whence), Otherwise::fail,
                   [&] { return real_fseeko(stream, offset, whence); });
}

off_t tell_in_react(const void* site, FILE* stream) {
  return intercept(stream_call(CallId::ftell, site, stream), Otherwise::fail, [&] { return real_ftello(stream); });
}

int get_in_react(const void* site, FILE* stream) {
  return intercept(stream_call(CallId::fgetc, site, stream), Otherwise::fail, [&] { return real_fgetc(stream); });
}

int put_in_react(const void* site, int character, FILE* stream) {
  const char byte = static_cast<char>(character);
  show_on(stream, [&] { real_fputc(character, stream); });
  return intercept(text_call(CallId::fputc, site, stream, &byte, 1), Otherwise::fail, [&] { return real_fputc(character, stream); });
}

std::size_t read_in_react(const void* site, void* data, std::size_t each, std::size_t count, FILE* stream) {
  return intercept(
      stream_call(CallId::fread, site, stream).with(each).with(count), Otherwise::fail,
      [&] { return real_fread(data, each, count, stream); },
      [&](std::size_t got, auto written) { if (got <= count) written(data, got * each); });
}

char* line_in_react(const void* site, char* line, int room, FILE* stream) {
  const bool found = intercept(
      stream_call(CallId::fgets, site, stream).with(room), Otherwise::fail,
      [&] { return real_fgets(line, room, stream) != nullptr; },
      [&](bool ok, auto written) {
        // All that there is room for when replaying: the text says where it ends.
        if (ok) written(line, replay_hooks != nullptr ? static_cast<std::size_t>(room) : std::strlen(line) + 1);
      });
  return found ? line : nullptr;
}

// Formatted in advance: what is compared is the text.
int print_in_react(CallId id, const void* site, FILE* stream, const char* format, va_list arguments) {
  if (!in_event()) return real_vfprintf(stream, format, arguments);
  char small[512];
  va_list again;
  va_copy(again, arguments);
  const int length = vsnprintf(small, sizeof small, format, again);
  va_end(again);
  if (length < 0) return length;
  const auto bytes = static_cast<std::size_t>(length);
  char* text = small;
  if (bytes >= sizeof small) {
    text = static_cast<char*>(__libc_malloc(bytes + 1));
    if (text == nullptr) return -1;
    vsnprintf(text, bytes + 1, format, arguments);
  }
  const auto print = [&] { return real_fwrite(text, std::size_t{1}, bytes, stream) == bytes ? length : -1; };
  show_on(stream, print);
  const int result = intercept(text_call(id, site, stream, text, bytes), Otherwise::fail, print);
  if (text != small) __libc_free(text);
  return result;
}

// libc would allocate the line in its own heap; it belongs to the caller.
ssize_t getdelim_in_react(const void* site, char** line, std::size_t* room, int delimiter, FILE* stream) {
  char* text = nullptr;
  std::size_t text_room = 0;
  const ssize_t length = intercept(
      stream_call(CallId::getline, site, stream).with(delimiter), Otherwise::fail,
      [&] { return real_getdelim(&text, &text_room, delimiter, stream); },
      [&](ssize_t got, auto written) {
        if (got < 0) return;
        const std::size_t bytes = static_cast<std::size_t>(got) + 1;
        if (text == nullptr) text = static_cast<char*>(__libc_calloc(bytes, 1));
        if (text != nullptr) written(text, bytes);
      });
  if (length >= 0 && text != nullptr) {
    const std::size_t bytes = static_cast<std::size_t>(length) + 1;
    if (*line == nullptr || *room < bytes) {
      *line = static_cast<char*>(realloc(*line, bytes < 120 ? 120 : bytes));
      *room = bytes < 120 ? 120 : bytes;
    }
    if (*line != nullptr) std::memcpy(*line, text, bytes);
  }
  __libc_free(text);
  return length;
}

// The characters that fscanf takes from a stream, one by one, as it takes them.
struct Tee {
  FILE* stream;
  RecordBuffer* record;
  bool open;

  static ssize_t read(void* cookie, char* data, std::size_t) {
    Tee& tee = *static_cast<Tee*>(cookie);
    const int character = tee.open ? real_fgetc(tee.stream) : EOF;
    if (character == EOF) return 0;
    *data = static_cast<char>(character);
    tee.record->append(data, 1);
    return 1;
  }
};

int scan_and_log(const Call& call, FILE* stream, const char* format, va_list arguments) {
  if (is_forbidden(call)) return refuse<int>(call);
  RecordBuffer record(call);
  Tee tee{.stream = stream, .record = &record, .open = true};
  FILE* const through = fopencookie(&tee, "r", {.read = Tee::read, .write = nullptr, .seek = nullptr, .close = nullptr});
  if (through == nullptr) return EOF;
  setvbuf(through, nullptr, _IONBF, 0);
  const int converted = real_vfscanf(through, format, arguments);
  const int error = errno;
  tee.open = false;
  if (const int ahead = real_fgetc(through); ahead != EOF) real_ungetc(ahead, stream);  // it has looked one too far
  real_fclose(through);
  record.log(bits_of(converted), error);
  errno = error;
  return converted;
}

// What to do with the characters is not logged: scanning them again does the same.
int scan_in_react(const void* site, FILE* stream, const char* format, va_list arguments) {
  if (!in_event()) return real_vfscanf(stream, format, arguments);
  const Call call = stream_call(CallId::fscanf, site, stream).with(format);
  if (replay_hooks == nullptr) return scan_and_log(call, stream, format, arguments);
  format::CallRecord recorded;
  if (!hooks->serve(call.header(), call.shown, recorded)) return EOF;
  auto* const text = static_cast<char*>(__libc_calloc(recorded.bytes.size() + 1, 1));
  if (text == nullptr) return EOF;
  if (!recorded.bytes.empty()) std::memcpy(text, recorded.bytes.data(), recorded.bytes.size());
  const int converted = vsscanf(text, format, arguments);
  __libc_free(text);
  errno = recorded.header.error;
  return converted;
}

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::format::kOutput;

AFTERIMAGE_CALL FILE* fopen(const char* __restrict path, const char* __restrict mode) {
  if (not_in_reactor()) return real_fopen(path, mode);
  return open_in_react(AFTERIMAGE_SITE, path, mode);
}
AFTERIMAGE_CALL FILE* fopen64(const char* __restrict path, const char* __restrict mode) {
  if (not_in_reactor()) return real_fopen(path, mode);
  return open_in_react(AFTERIMAGE_SITE, path, mode);
}
AFTERIMAGE_CALL FILE* fdopen(int file, const char* mode) noexcept {
  if (not_in_reactor()) return real_fdopen(file, mode);
  return intercept(Call(CallId::fdopen, AFTERIMAGE_SITE).with(mode).with(file), Otherwise::fail,
                   [&] { return real_fdopen(file, mode); });
}
AFTERIMAGE_CALL int fclose(FILE* stream) {
  if (not_in_reactor()) return real_fclose(stream);
  return intercept(stream_call(CallId::fclose, AFTERIMAGE_SITE, stream), Otherwise::fail, [&] { return real_fclose(stream); });
}

AFTERIMAGE_CALL std::size_t fread(void* __restrict data, std::size_t each, std::size_t count, FILE* __restrict stream) {
  if (not_in_reactor()) return real_fread(data, each, count, stream);
  return read_in_react(AFTERIMAGE_SITE, data, each, count, stream);
}
AFTERIMAGE_CALL std::size_t __fread_chk(void* __restrict data, std::size_t room, std::size_t each, std::size_t count,
                                        FILE* __restrict stream) {
  if (each != 0 && count > room / each) __builtin_trap();
  if (not_in_reactor()) return real_fread(data, each, count, stream);
  return read_in_react(AFTERIMAGE_SITE, data, each, count, stream);
}
AFTERIMAGE_CALL char* fgets(char* __restrict line, int room, FILE* __restrict stream) {
  if (not_in_reactor()) return real_fgets(line, room, stream);
  return line_in_react(AFTERIMAGE_SITE, line, room, stream);
}
AFTERIMAGE_CALL char* __fgets_chk(char* __restrict line, std::size_t available, int room, FILE* __restrict stream) {
  if (static_cast<std::size_t>(room) > available) __builtin_trap();
  if (not_in_reactor()) return real_fgets(line, room, stream);
  return line_in_react(AFTERIMAGE_SITE, line, room, stream);
}
AFTERIMAGE_CALL int fgetc(FILE* stream) {
  if (not_in_reactor()) return real_fgetc(stream);
  return get_in_react(AFTERIMAGE_SITE, stream);
}
AFTERIMAGE_CALL int getc(FILE* stream) {
  if (not_in_reactor()) return real_fgetc(stream);
  return get_in_react(AFTERIMAGE_SITE, stream);
}
AFTERIMAGE_CALL int ungetc(int character, FILE* stream) {
  if (not_in_reactor()) return real_ungetc(character, stream);
  return intercept(stream_call(CallId::ungetc, AFTERIMAGE_SITE, stream).with(character), Otherwise::fail,
                   [&] { return real_ungetc(character, stream); });
}
AFTERIMAGE_CALL ssize_t getdelim(char** __restrict line, std::size_t* __restrict room, int delimiter, FILE* __restrict stream) {
  if (not_in_reactor()) return real_getdelim(line, room, delimiter, stream);
  return getdelim_in_react(AFTERIMAGE_SITE, line, room, delimiter, stream);
}
// What getline() is compiled to.
AFTERIMAGE_CALL ssize_t __getdelim(char** __restrict line, std::size_t* __restrict room, int delimiter, FILE* __restrict stream) {
  if (not_in_reactor()) return real_getdelim(line, room, delimiter, stream);
  return getdelim_in_react(AFTERIMAGE_SITE, line, room, delimiter, stream);
}
AFTERIMAGE_CALL ssize_t getline(char** __restrict line, std::size_t* __restrict room, FILE* __restrict stream) {
  if (not_in_reactor()) return real_getdelim(line, room, static_cast<int>('\n'), stream);
  return getdelim_in_react(AFTERIMAGE_SITE, line, room, '\n', stream);
}

AFTERIMAGE_CALL std::size_t fwrite(const void* __restrict data, std::size_t each, std::size_t count, FILE* __restrict stream) {
  if (not_in_reactor()) return real_fwrite(data, each, count, stream);
  show_on(stream, [&] { real_fwrite(data, each, count, stream); });
  return intercept(text_call(CallId::fwrite, AFTERIMAGE_SITE, stream, data, each * count), Otherwise::fail,
                   [&] { return real_fwrite(data, each, count, stream); });
}
AFTERIMAGE_CALL int fputs(const char* __restrict text, FILE* __restrict stream) {
  if (not_in_reactor()) return real_fputs(text, stream);
  show_on(stream, [&] { real_fputs(text, stream); });
  return intercept(text_call(CallId::fputs, AFTERIMAGE_SITE, stream, text, std::strlen(text)), Otherwise::fail,
                   [&] { return real_fputs(text, stream); });
}
AFTERIMAGE_CALL int puts(const char* text) {
  if (not_in_reactor()) return real_puts(text);
  show_on(stdout, [&] { real_puts(text); });
  return intercept(text_call(CallId::puts, AFTERIMAGE_SITE, stdout, text, std::strlen(text)), Otherwise::fail,
                   [&] { return real_puts(text); });
}
AFTERIMAGE_CALL int fputc(int character, FILE* stream) {
  if (not_in_reactor()) return real_fputc(character, stream);
  return put_in_react(AFTERIMAGE_SITE, character, stream);
}
AFTERIMAGE_CALL int putc(int character, FILE* stream) {
  if (not_in_reactor()) return real_fputc(character, stream);
  return put_in_react(AFTERIMAGE_SITE, character, stream);
}
AFTERIMAGE_CALL int putchar(int character) {
  if (not_in_reactor()) return real_fputc(character, stdout);
  return put_in_react(AFTERIMAGE_SITE, character, stdout);
}

// The last parameter before the dots, the call's number, the stream.
#define AFTERIMAGE_PRINT(last, id, stream)                                                      \
  va_list arguments;                                                                            \
  va_start(arguments, last);                                                                    \
  const int length = not_in_reactor() ? real_vfprintf(stream, format, arguments)                \
                                      : print_in_react(id, AFTERIMAGE_SITE, stream, format, arguments); \
  va_end(arguments);                                                                            \
  return length

AFTERIMAGE_CALL int printf(const char* format, ...) { AFTERIMAGE_PRINT(format, CallId::printf, stdout); }
AFTERIMAGE_CALL int __printf_chk(int, const char* format, ...) { AFTERIMAGE_PRINT(format, CallId::printf, stdout); }
AFTERIMAGE_CALL int fprintf(FILE* stream, const char* format, ...) { AFTERIMAGE_PRINT(format, CallId::fprintf, stream); }
AFTERIMAGE_CALL int __fprintf_chk(FILE* stream, int, const char* format, ...) {
  AFTERIMAGE_PRINT(format, CallId::fprintf, stream);
}
AFTERIMAGE_CALL int vprintf(const char* format, va_list arguments) {
  if (not_in_reactor()) return real_vfprintf(stdout, format, arguments);
  return print_in_react(CallId::printf, AFTERIMAGE_SITE, stdout, format, arguments);
}
AFTERIMAGE_CALL int vfprintf(FILE* stream, const char* format, va_list arguments) {
  if (not_in_reactor()) return real_vfprintf(stream, format, arguments);
  return print_in_react(CallId::fprintf, AFTERIMAGE_SITE, stream, format, arguments);
}
AFTERIMAGE_CALL int __vfprintf_chk(FILE* stream, int, const char* format, va_list arguments) {
  if (not_in_reactor()) return real_vfprintf(stream, format, arguments);
  return print_in_react(CallId::fprintf, AFTERIMAGE_SITE, stream, format, arguments);
}

// The names that compilers give to the four, by language version.
#define AFTERIMAGE_SCAN(suffix, prefix)                                                                       \
  AFTERIMAGE_CALL int afterimage_fscanf##suffix(FILE*, const char*, ...) __asm__(prefix "fscanf");            \
  AFTERIMAGE_CALL int afterimage_fscanf##suffix(FILE* stream, const char* format, ...) {                      \
    va_list arguments;                                                                                        \
    va_start(arguments, format);                                                                              \
    const int converted = not_in_reactor() ? real_vfscanf(stream, format, arguments)                          \
                                           : scan_in_react(AFTERIMAGE_SITE, stream, format, arguments);       \
    va_end(arguments);                                                                                        \
    return converted;                                                                                         \
  }                                                                                                           \
  AFTERIMAGE_CALL int afterimage_vfscanf##suffix(FILE*, const char*, va_list) __asm__(prefix "vfscanf");      \
  AFTERIMAGE_CALL int afterimage_vfscanf##suffix(FILE* stream, const char* format, va_list arguments) {       \
    return not_in_reactor() ? real_vfscanf(stream, format, arguments)                                         \
                            : scan_in_react(AFTERIMAGE_SITE, stream, format, arguments);                      \
  }
AFTERIMAGE_SCAN(_c99, "__isoc99_")
AFTERIMAGE_SCAN(_c23, "__isoc23_")

AFTERIMAGE_CALL int fflush(FILE* stream) {
  if (not_in_reactor()) return real_fflush(stream);
  return intercept(stream_call(CallId::fflush, AFTERIMAGE_SITE, stream, kOutput), Otherwise::fail,
                   [&] { return real_fflush(stream); });
}
AFTERIMAGE_CALL int fseek(FILE* stream, long offset, int whence) {
  if (not_in_reactor()) return real_fseeko(stream, offset, whence);
  return seek_in_react(AFTERIMAGE_SITE, stream, offset, whence);
}
AFTERIMAGE_CALL int fseeko(FILE* stream, off_t offset, int whence) {
  if (not_in_reactor()) return real_fseeko(stream, offset, whence);
  return seek_in_react(AFTERIMAGE_SITE, stream, offset, whence);
}
AFTERIMAGE_CALL int fseeko64(FILE* stream, off64_t offset, int whence) {
  if (not_in_reactor()) return real_fseeko(stream, offset, whence);
  return seek_in_react(AFTERIMAGE_SITE, stream, offset, whence);
}
AFTERIMAGE_CALL long ftell(FILE* stream) {
  if (not_in_reactor()) return real_ftello(stream);
  return tell_in_react(AFTERIMAGE_SITE, stream);
}
AFTERIMAGE_CALL off_t ftello(FILE* stream) {
  if (not_in_reactor()) return real_ftello(stream);
  return tell_in_react(AFTERIMAGE_SITE, stream);
}
AFTERIMAGE_CALL off64_t ftello64(FILE* stream) {
  if (not_in_reactor()) return real_ftello(stream);
  return tell_in_react(AFTERIMAGE_SITE, stream);
}

#define AFTERIMAGE_ABOUT_STREAM(name)                                                                        \
  AFTERIMAGE_CALL int name(FILE* stream) noexcept {                                                          \
    if (not_in_reactor()) return real_##name(stream);                                                        \
    return intercept(stream_call(CallId::name, AFTERIMAGE_SITE, stream), Otherwise::fail,                    \
                     [&] { return real_##name(stream); });                                                   \
  }
AFTERIMAGE_ABOUT_STREAM(feof)
AFTERIMAGE_ABOUT_STREAM(ferror)
AFTERIMAGE_ABOUT_STREAM(fileno)

#define AFTERIMAGE_CHANGE_STREAM(name, exception)                                                            \
  AFTERIMAGE_CALL void name(FILE* stream) exception {                                                        \
    if (not_in_reactor()) return real_##name(stream);                                                        \
    intercept(stream_call(CallId::name, AFTERIMAGE_SITE, stream), Otherwise::fail, [&] {                     \
      real_##name(stream);                                                                                   \
      return 0;                                                                                              \
    });                                                                                                      \
  }
AFTERIMAGE_CHANGE_STREAM(rewind, )
AFTERIMAGE_CHANGE_STREAM(clearerr, noexcept)
