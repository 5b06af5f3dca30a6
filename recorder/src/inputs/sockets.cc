// inputs/sockets.cc: the network. In the replay there is none: what came from it is in the log.
#include <sys/socket.h>

#include "inputs/descriptors.h"

namespace afterimage::inputs {
namespace {

AFTERIMAGE_REAL(socket)
AFTERIMAGE_REAL(connect)
AFTERIMAGE_REAL(bind)
AFTERIMAGE_REAL(listen)
AFTERIMAGE_REAL(accept)
AFTERIMAGE_REAL(accept4)
AFTERIMAGE_REAL(send)
AFTERIMAGE_REAL(sendto)
AFTERIMAGE_REAL(sendmsg)
AFTERIMAGE_REAL(recv)
AFTERIMAGE_REAL(recvfrom)
AFTERIMAGE_REAL(recvmsg)
AFTERIMAGE_REAL(shutdown)
AFTERIMAGE_REAL(getsockopt)
AFTERIMAGE_REAL(setsockopt)
AFTERIMAGE_REAL(getsockname)
AFTERIMAGE_REAL(getpeername)

// An address that the call has filled in: its size as the kernel says, and as much of it as there was room for.
template <typename Visit>
void visit_address(sockaddr* address, socklen_t* bytes, socklen_t room, Visit& written) {
  if (address == nullptr || bytes == nullptr) return;
  written(bytes, sizeof *bytes);
  written(address, *bytes < room ? *bytes : room);
}

template <typename Run>
int filled_in(const Call& call, sockaddr* address, socklen_t* bytes, Run run) {
  const socklen_t room = bytes != nullptr ? *bytes : 0;
  return intercept(call, Otherwise::fail, run, [&](int result, auto written) {
    if (result >= 0) visit_address(address, bytes, room, written);
  });
}

int count_of(const msghdr* message) noexcept { return static_cast<int>(message->msg_iovlen); }

}  // namespace
}  // namespace afterimage::inputs

using namespace afterimage::inputs;
using afterimage::format::kOutput;

AFTERIMAGE_CALL int socket(int domain, int type, int protocol) noexcept {
  if (not_in_reactor()) return real_socket(domain, type, protocol);
  return intercept(Call(CallId::socket, AFTERIMAGE_SITE).with(domain).with(type).with(protocol), Otherwise::fail,
                   [&] { return real_socket(domain, type, protocol); });
}

AFTERIMAGE_CALL int connect(int file, const sockaddr* address, socklen_t bytes) {
  if (not_in_reactor()) return real_connect(file, address, bytes);
  return intercept(Call(CallId::connect, AFTERIMAGE_SITE, kOutput).with(address, bytes).with(file), Otherwise::fail,
                   [&] { return real_connect(file, address, bytes); });
}
AFTERIMAGE_CALL int bind(int file, const sockaddr* address, socklen_t bytes) noexcept {
  if (not_in_reactor()) return real_bind(file, address, bytes);
  return intercept(Call(CallId::bind, AFTERIMAGE_SITE, kOutput).with(address, bytes).with(file), Otherwise::fail,
                   [&] { return real_bind(file, address, bytes); });
}
AFTERIMAGE_CALL int listen(int file, int backlog) noexcept {
  if (not_in_reactor()) return real_listen(file, backlog);
  return intercept(Call(CallId::listen, AFTERIMAGE_SITE, kOutput).with(file).with(backlog), Otherwise::fail,
                   [&] { return real_listen(file, backlog); });
}
AFTERIMAGE_CALL int shutdown(int file, int how) noexcept {
  if (not_in_reactor()) return real_shutdown(file, how);
  return intercept(Call(CallId::shutdown, AFTERIMAGE_SITE, kOutput).with(file).with(how), Otherwise::fail,
                   [&] { return real_shutdown(file, how); });
}

AFTERIMAGE_CALL int accept(int file, sockaddr* __restrict address, socklen_t* __restrict bytes) {
  if (not_in_reactor()) return real_accept(file, address, bytes);
  return filled_in(Call(CallId::accept, AFTERIMAGE_SITE).with(file), address, bytes,
                   [&] { return real_accept(file, address, bytes); });
}
AFTERIMAGE_CALL int accept4(int file, sockaddr* __restrict address, socklen_t* __restrict bytes, int flags) {
  if (not_in_reactor()) return real_accept4(file, address, bytes, flags);
  return filled_in(Call(CallId::accept4, AFTERIMAGE_SITE).with(file).with(flags), address, bytes,
                   [&] { return real_accept4(file, address, bytes, flags); });
}
AFTERIMAGE_CALL int getsockname(int file, sockaddr* __restrict address, socklen_t* __restrict bytes) noexcept {
  if (not_in_reactor()) return real_getsockname(file, address, bytes);
  return filled_in(Call(CallId::getsockname, AFTERIMAGE_SITE).with(file), address, bytes,
                   [&] { return real_getsockname(file, address, bytes); });
}
AFTERIMAGE_CALL int getpeername(int file, sockaddr* __restrict address, socklen_t* __restrict bytes) noexcept {
  if (not_in_reactor()) return real_getpeername(file, address, bytes);
  return filled_in(Call(CallId::getpeername, AFTERIMAGE_SITE).with(file), address, bytes,
                   [&] { return real_getpeername(file, address, bytes); });
}

AFTERIMAGE_CALL ssize_t send(int file, const void* data, std::size_t bytes, int flags) {
  if (not_in_reactor()) return real_send(file, data, bytes, flags);
  return intercept(Call(CallId::send, AFTERIMAGE_SITE, kOutput).with(data, bytes).with(file).with(flags), Otherwise::fail,
                   [&] { return real_send(file, data, bytes, flags); });
}
AFTERIMAGE_CALL ssize_t sendto(int file, const void* data, std::size_t bytes, int flags, const sockaddr* address, socklen_t room) {
  if (not_in_reactor()) return real_sendto(file, data, bytes, flags, address, room);
  Call call(CallId::sendto, AFTERIMAGE_SITE, kOutput);
  call.with(data, bytes).with(file).with(flags);
  if (address != nullptr) call.with(address, room);
  return intercept(call, Otherwise::fail, [&] { return real_sendto(file, data, bytes, flags, address, room); });
}
AFTERIMAGE_CALL ssize_t sendmsg(int file, const msghdr* message, int flags) {
  if (not_in_reactor()) return real_sendmsg(file, message, flags);
  Call call = with_pieces(Call(CallId::sendmsg, AFTERIMAGE_SITE, kOutput), message->msg_iov, count_of(message));
  return intercept(call.with(file).with(flags), Otherwise::fail, [&] { return real_sendmsg(file, message, flags); });
}

AFTERIMAGE_CALL ssize_t recv(int file, void* data, std::size_t bytes, int flags) {
  if (not_in_reactor()) return real_recv(file, data, bytes, flags);
  return intercept(
      Call(CallId::recv, AFTERIMAGE_SITE).with(file).with(bytes).with(flags), Otherwise::fail,
      [&] { return real_recv(file, data, bytes, flags); }, [&](ssize_t got, auto written) {
        if (got > 0) written(data, static_cast<std::size_t>(got) < bytes ? static_cast<std::size_t>(got) : bytes);
      });
}
AFTERIMAGE_CALL ssize_t recvfrom(int file, void* __restrict data, std::size_t bytes, int flags, sockaddr* __restrict address,
                                 socklen_t* __restrict room) {
  if (not_in_reactor()) return real_recvfrom(file, data, bytes, flags, address, room);
  const socklen_t address_room = room != nullptr ? *room : 0;
  return intercept(
      Call(CallId::recvfrom, AFTERIMAGE_SITE).with(file).with(bytes).with(flags), Otherwise::fail,
      [&] { return real_recvfrom(file, data, bytes, flags, address, room); },
      [&](ssize_t got, auto written) {
        if (got < 0) return;
        written(data, static_cast<std::size_t>(got) < bytes ? static_cast<std::size_t>(got) : bytes);
        visit_address(address, room, address_room, written);
      });
}
AFTERIMAGE_CALL ssize_t recvmsg(int file, msghdr* message, int flags) {
  if (not_in_reactor()) return real_recvmsg(file, message, flags);
  const socklen_t name_room = message->msg_namelen;
  const std::size_t control_room = message->msg_controllen;
  return intercept(
      Call(CallId::recvmsg, AFTERIMAGE_SITE).with(file).with(flags), Otherwise::fail,
      [&] { return real_recvmsg(file, message, flags); },
      [&](ssize_t got, auto written) {
        if (got < 0) return;
        for_pieces(message->msg_iov, count_of(message), got, written);
        visit_address(static_cast<sockaddr*>(message->msg_name), &message->msg_namelen, name_room, written);
        written(&message->msg_flags, sizeof message->msg_flags);
        written(&message->msg_controllen, sizeof message->msg_controllen);
        if (message->msg_control != nullptr)
          written(message->msg_control, message->msg_controllen < control_room ? message->msg_controllen : control_room);
      });
}

AFTERIMAGE_CALL int getsockopt(int file, int level, int name, void* __restrict value, socklen_t* __restrict bytes) noexcept {
  if (not_in_reactor()) return real_getsockopt(file, level, name, value, bytes);
  const socklen_t room = *bytes;
  return intercept(
      Call(CallId::getsockopt, AFTERIMAGE_SITE).with(file).with(level).with(name), Otherwise::fail,
      [&] { return real_getsockopt(file, level, name, value, bytes); },
      [&](int result, auto written) {
        if (result != 0) return;
        written(bytes, sizeof *bytes);
        written(value, *bytes < room ? *bytes : room);
      });
}
AFTERIMAGE_CALL int setsockopt(int file, int level, int name, const void* value, socklen_t bytes) noexcept {
  if (not_in_reactor()) return real_setsockopt(file, level, name, value, bytes);
  return intercept(Call(CallId::setsockopt, AFTERIMAGE_SITE, kOutput).with(value, bytes).with(file).with(level).with(name),
                   Otherwise::fail, [&] { return real_setsockopt(file, level, name, value, bytes); });
}
