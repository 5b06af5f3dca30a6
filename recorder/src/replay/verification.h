// Whether the replay comes to the state that was recorded: its memory is compared with every snapshot on the way.
#pragma once
#include <istream>

#include "afterimage/status.h"
#include "replay/replayer.h"

namespace afterimage::replay {

// The commands of debug-adapter/replay/PROTOCOL.md; `arguments` is what follows the command's name.
Status verify(Replayer& replayer, std::istream& arguments);
Status locate(Replayer& replayer, std::istream& arguments);

}  // namespace afterimage::replay
