//===- Guard.h - errors out of the C API ----------------------------------===//
//
// Private to lib/CAPI.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_CAPI_GUARD_H
#define LUTRA_LIB_CAPI_GUARD_H

#include "llvm/Support/Error.h"

namespace lutra {

/// Turns an error into the C API's result: 0, or 1 with a malloc'ed message in `*message` (when that is not null).
int toStatus(llvm::Error error, char **message);

} // namespace lutra

#endif // LUTRA_LIB_CAPI_GUARD_H
