// The smallest possible recorder and replayer, to test the launcher alone: it records a plan and the addresses of a few
// things ("facts"), and in a replay reports the same facts instead of running main.
#pragma once

#include <cstdio>

extern "C" {
// Writes FOLDER/plan and FOLDER/facts.
void hook_record(const char* folder);
// Instead of main: 0 when all went well. Used by the hook itself, and by programs that cannot be hooked.
int hook_replay();
bool hook_is_replay();
// The program's own facts, as lines NAME HEX. Defined by the program.
void program_facts(std::FILE* out);
}
