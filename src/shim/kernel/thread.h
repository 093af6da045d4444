// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include <thread>
#include <utility>

namespace svga::shim {

/** \brief Starts a thread of our own in the program's process: the program's signals are not for it. */
template <typename Function>
std::thread startThread(Function function) {
    sigset_t all, previous;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &previous);
    std::thread thread(std::move(function));
    ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
    return thread;
}

} // namespace svga::shim
