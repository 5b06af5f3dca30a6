// Reactors that are saved to bytes and come back from them (Reactor::save, Recorder::restore): for programs that keep theirs in a
// database, and restore one to run an event, and save it again.
//
// A heap is all that its slot holds, so to save it is to copy that, and to restore it is to copy it back to the same addresses. What it
// points to outside must be there as well: the same modules in the same places.
//
// The checksum finds damage, not malice: the bytes have pointers to code. Who can write a program's rows can do what the program can.
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "afterimage/codec.h"
#include "afterimage/status.h"
#include "heap/heap.h"

namespace afterimage {

// `type`: of the reactor, mangled. What `saved` has room for is used again.
void save_heap(const Heap& heap, std::string_view type, Bytes& saved);

// Null with a reason.
Heap* restore_heap(std::span<const std::byte> saved, std::string_view type, Status& why_not);

}  // namespace afterimage
