//===- CPUTarget.h - the processor that the compiler runs on ----*- C++ -*-===//
#ifndef LUTRA_TARGET_CPU_CPUTARGET_H
#define LUTRA_TARGET_CPU_CPUTARGET_H

namespace lutra {

/// Makes `--target=cpu` known.
void registerCPUTarget();

} // namespace lutra

#endif // LUTRA_TARGET_CPU_CPUTARGET_H
