/* afterimage/afterimage.h: the recorder for C, and for every language that can call C. (C++ uses afterimage/recorder.h.)
 *
 *     static void* make_board(void* argument) { return calloc(1, sizeof(struct board)); }    // inside the reactor's own heap
 *     static void react(void* board, const void* event, size_t bytes) { ... }
 *
 *     afterimage_recorder* recorder;
 *     if (afterimage_open(NULL, &recorder) != AFTERIMAGE_OK) fprintf(stderr, "%s\n", afterimage_error());   // it may go on all the same
 *
 *     const afterimage_reactor_type board_type = {.create = make_board, .react = react};
 *     afterimage_reactor board;
 *     if (afterimage_create(recorder, "board", &board_type, NULL, &board) != AFTERIMAGE_OK) return 1;
 *     while (next(&event)) afterimage_deliver(board, &event, sizeof event);   // committed to the log, then react(object, event, bytes)
 *     afterimage_destroy(board);
 *     afterimage_close(recorder);
 *
 * A reactor is an object and a function that changes it, one event at a time. All that it allocates in create() and react() comes from a
 * heap of its own, and is the same, at the same addresses, in a replay. An event is bytes, which react() finds at the same address, too (up to 31 MiB).
 *
 * Nothing here throws or ends the program. Functions that can fail return a code; afterimage_error() has the sentence. Where recording is
 * impossible, or becomes so, the reactors go on unrecorded. Threads: as in afterimage/recorder.h.
 */
#ifndef AFTERIMAGE_AFTERIMAGE_H
#define AFTERIMAGE_AFTERIMAGE_H

#include <stddef.h>
#include <stdint.h>

#if !defined(AFTERIMAGE_API)
#define AFTERIMAGE_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum afterimage_code {
  AFTERIMAGE_OK = 0,
  AFTERIMAGE_NOT_RECORDING = 1,    /* everything works, but nothing is recorded (any more) */
  AFTERIMAGE_INVALID_ARGUMENT = 2, /* nothing was done */
  AFTERIMAGE_CREATE_FAILED = 3,    /* create() returned NULL */
  AFTERIMAGE_EXCEPTION = 4,        /* create() or react(), written in C++, threw an exception; the event counts as done */
  AFTERIMAGE_OUT_OF_MEMORY = 5,
  AFTERIMAGE_NOT_SAVED = 6,        /* afterimage_save() could not save it */
  AFTERIMAGE_NOT_RESTORED = 7      /* it is damaged, or of another executable, or its addresses are taken */
} afterimage_code;

/* What the last call of this thread that failed has to say: one sentence. Never NULL; valid until the next such call. */
AFTERIMAGE_API const char* afterimage_error(void);

/* The values of afterimage::Io. */
typedef enum afterimage_io { AFTERIMAGE_IO_LOG = 0, AFTERIMAGE_IO_PASS_FILES_THROUGH = 1, AFTERIMAGE_IO_FORBID = 2 } afterimage_io;

/* The values of afterimage::Memory. */
typedef enum afterimage_memory { AFTERIMAGE_MEMORY_FAST = 0, AFTERIMAGE_MEMORY_KINDA_SAFE = 1 } afterimage_memory;

/* The fields of afterimage::FailAllocations (afterimage/heap.h): which allocations inside react() fail on purpose. */
typedef struct afterimage_fail_allocations {
  uint64_t nth;
  double probability;
  uint64_t seed;
  uint64_t above_bytes;
} afterimage_fail_allocations;

/* The meaning of each field is that of the same name in afterimage::Options (afterimage/recorder.h). Set `bytes` to the size of the struct:
 * fields may be added at its end, and those beyond are as in the default. Fill it with afterimage_default_options() first. */
typedef struct afterimage_options {
  size_t bytes;
  const char* directory;
  uint64_t segment_bytes;
  uint64_t snapshot_log_bytes;
  uint64_t snapshot_interval_ms;
  const char* snapshot_engine;
  uint64_t keep_bytes;
  uint64_t keep_ms;
  int reactors_do_io;
  int snapshot_deltas;
  int crash_handler;
  afterimage_io io;
  const char* variables_of;
  int state_digests;
  int wait_for_log;
  int record_sent_events;
  uint64_t sync_interval_ms;
  uint64_t heap_limit_bytes;
  int stop_at_misuse;
  int genesis; /* nothing is dropped; what create() was given cannot be recorded, so `afterimage test` needs a reactor in C++ */
  afterimage_memory memory;
  afterimage_fail_allocations fail_allocations; /* AFTERIMAGE_FAIL_ALLOCATIONS in the environment replaces it */
  int snapshot_compression;
  uint32_t keep_ended_reactors;
} afterimage_options;

AFTERIMAGE_API afterimage_options afterimage_default_options(void);

typedef struct afterimage_recorder afterimage_recorder;

/* Begins a recording. `options` may be NULL. There is a recorder afterwards, unless the code is INVALID_ARGUMENT or OUT_OF_MEMORY. */
AFTERIMAGE_API afterimage_code afterimage_open(const afterimage_options* options, afterimage_recorder** recorder);

/* Whether it is still recording. */
AFTERIMAGE_API afterimage_code afterimage_status(const afterimage_recorder* recorder);

/* The recording's directory; "" if there is none. */
AFTERIMAGE_API const char* afterimage_path(const afterimage_recorder* recorder);

/* Seals the recording in good order. Destroy the reactors before. */
AFTERIMAGE_API void afterimage_close(afterimage_recorder* recorder);

typedef struct afterimage_reactor_type {
  void* (*create)(void* argument); /* makes the object */
  void (*react)(void* object, const void* event, size_t bytes);
  void (*destroy)(void* object); /* may be NULL */
} afterimage_reactor_type;

/* A reactor. A value: copy it freely, also into other reactors, which may then deliver events to it from inside react(). */
typedef struct afterimage_reactor {
  void* core;
  uint32_t id;
  void* owner;
  void* object; /* for looking only: changes outside of react() are not replayed */
} afterimage_reactor;

AFTERIMAGE_API afterimage_code afterimage_create(afterimage_recorder* recorder, const char* name, const afterimage_reactor_type* type,
                                                 void* argument, afterimage_reactor* reactor);

/* Commits the event to the log, then calls react() inside the reactor's heap. `event` may be NULL if there are no bytes. */
AFTERIMAGE_API afterimage_code afterimage_deliver(afterimage_reactor reactor, const void* event, size_t bytes);

/* The reactor as bytes, for the program's own database; free() them. Between events. Not saved is what it keeps outside of its heap. */
AFTERIMAGE_API afterimage_code afterimage_save(afterimage_reactor reactor, void** saved, size_t* bytes);

/* Instead of afterimage_create(): the reactor that was saved, in this process or in another one of the same executable and libraries at the same
 * addresses (run by `setarch -R`). Its functions are those that it was created with. Only restore what you trust. */
AFTERIMAGE_API afterimage_code afterimage_restore(afterimage_recorder* recorder, const char* name, const void* saved, size_t bytes,
                                                  afterimage_reactor* reactor);

/* The meaning of each field is that of the same name in afterimage::HeapStatistics (afterimage/heap.h). Set `bytes` to the size of the struct:
 * fields may be added at its end. */
typedef struct afterimage_statistics {
  size_t bytes;
  uint64_t live_blocks, live_bytes;
  uint64_t free_blocks, free_bytes;
  uint64_t touched_bytes;
  uint64_t limit_bytes;
  uint64_t failed_allocations, misuses;
  uint64_t refusals;
  uint64_t large_allocations, large_frees, foreign_frees;
  uint64_t allocations, frees;
} afterimage_statistics;

/* How the reactor's memory is used; zeroes where it lives in the ordinary heap. Between events; walks the heap. */
AFTERIMAGE_API afterimage_code afterimage_heap_statistics(afterimage_reactor reactor, afterimage_statistics* statistics);

/* Asks for a snapshot: begun at the end of the current or the next event. May be called by any thread. */
AFTERIMAGE_API void afterimage_snapshot(afterimage_reactor reactor);

/* Inside react(): something is wrong, and the program goes on. The sentence is put into the recording, and a snapshot is made at the end of
 * the event. What ends the program (assert(), abort()) notes itself. */
AFTERIMAGE_API void afterimage_note_failure(const char* sentence);

/* A pointer that knows when its object is gone: afterimage::SafePtr (afterimage/safe_ptr.h) for C. Copy it freely. Where
 * afterimage_options.memory is not AFTERIMAGE_MEMORY_KINDA_SAFE, and for what is not in the reactor's own heap, it is a pointer. */
typedef struct afterimage_safe_pointer {
  void* object;
  const uint32_t* current_id; /* where the heap keeps the id of the object's memory */
  uint32_t id;                /* what it was */
} afterimage_safe_pointer;

/* Inside create() or react(). The object must be alive. */
AFTERIMAGE_API afterimage_safe_pointer afterimage_make_safe(void* object);

/* The object. If it is gone, that is named on stderr and in the recording, with the event and the place that freed it. */
AFTERIMAGE_API void* afterimage_get(afterimage_safe_pointer pointer);

/* To ask is no access. */
AFTERIMAGE_API int afterimage_is_dangling(afterimage_safe_pointer pointer);

/* Frees the object; if it is gone, that is named, and nothing is freed twice. */
AFTERIMAGE_API void afterimage_safe_free(afterimage_safe_pointer pointer);

/* Calls destroy(), and gives up the reactor's heap. */
AFTERIMAGE_API void afterimage_destroy(afterimage_reactor reactor);

#ifdef __cplusplus
}
#endif
#endif
