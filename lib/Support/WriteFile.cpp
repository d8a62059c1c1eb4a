//===- WriteFile.cpp - files that are written whole, or an error ----------===//
#include "lutra/Support/WriteFile.h"

#include "llvm/Support/raw_ostream.h"

using namespace llvm;

Error lutra::writeFile(StringRef path, function_ref<Error(raw_pwrite_stream &)> write) {
  std::error_code code;
  raw_fd_ostream os(path, code);
  if (code)
    return createStringError("cannot write '" + path + "': " + code.message());
  Error error = write(os);
  os.close();
  code = os.error();
  os.clear_error();
  if (error || !code)
    return error;
  return createStringError("cannot write '" + path + "': " + code.message());
}
