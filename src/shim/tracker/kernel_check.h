// SPDX-License-Identifier: MIT
/**
 * \file
 * Tries on a few pages of scratch memory that the running kernel does what the trackers rest on.
 */
#pragma once

namespace svga::shim {

class PagemapScanner;
class Userfault;

/** \brief Whether a page can be mapped write-protected after a minor fault (Linux >= 6.4). \throws Error */
bool canProceedProtected(Userfault& userfault);

/** \throws Error naming what the kernel does otherwise than asynchronous tracking needs. */
void checkAsyncProtection(Userfault& userfault, PagemapScanner& scanner);

} // namespace svga::shim
