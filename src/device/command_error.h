// SPDX-License-Identifier: MIT
#pragma once

#include "util/error.h"

namespace svga::device {

/**
 * \brief A guest command that cannot be carried out.
 *
 * Thrown by command handlers and by the objects they use (unknown id, size or offset out of range, bad token). The
 * command processor catches it at the boundary of the command: the command buffer ends with
 * SVGA_CB_STATUS_COMMAND_ERROR at that command's offset, the message goes to the log, and the device lives on.
 * A handler that throws has changed nothing, or only the object the command names.
 */
class CommandError : public Error {
public:
    using Error::Error;
};

} // namespace svga::device
