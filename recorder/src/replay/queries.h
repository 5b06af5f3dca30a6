// Questions about a range of events, answered at replay speed: each replays the range once and looks after every event.
#pragma once
#include <istream>

#include "afterimage/status.h"
#include "replay/replayer.h"

namespace afterimage::replay {

// The commands of debug-adapter/replay/PROTOCOL.md; `arguments` is what follows the command's name. They report on
// descriptor 4 and leave the replayer where the range ends.
Status last_write(Replayer& replayer, std::istream& arguments);
Status first_write(Replayer& replayer, std::istream& arguments);
Status find(Replayer& replayer, std::istream& arguments);
Status history(Replayer& replayer, std::istream& arguments);
Status touched(Replayer& replayer, std::istream& arguments);
Status diff(Replayer& replayer, std::istream& arguments);

}  // namespace afterimage::replay
