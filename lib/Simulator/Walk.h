//===- Walk.h - the instructions of a kernel in the order they run --*- C++ -*-===//
//
// Control flow of the machine in one place, shared by the functional and the timing simulation.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_SIMULATOR_WALK_H
#define LUTRA_LIB_SIMULATOR_WALK_H

#include "lutra/Simulator/Program.h"

namespace lutra::ltc {

using LoopValues = std::array<int64_t, kLoopRegisters>;

inline int64_t evaluate(const Affine &affine, const LoopValues &loops) {
  int64_t value = affine.constant;
  for (unsigned index = 0; index < kLoopRegisters; ++index)
    value += affine.coefficients[index] * loops[index];
  return value;
}

/// Calls `step(instruction, address, loop values)` for every instruction that a block issues, until one returns false;
/// returns whether none did. A loop instruction is issued once, its end once per iteration; of a loop without iterations
/// only the loop instruction.
template <typename Step>
bool walk(const Kernel &kernel, const Block &block, Step &&step) {
  LoopValues loops{};
  std::array<int64_t, kLoopRegisters> limits{};
  if (kernel.grid.columns)
    loops[kernel.grid.reg] = block.column;
  const size_t size = kernel.code.size();
  for (size_t at = 0; at < size; ++at) {
    const Instruction &i = kernel.code[at];
    if (!step(i, at, loops))
      return false;
    if (i.opcode == Opcode::Loop) {
      loops[i.dst] = i.lower.evaluate(block.rows);
      limits[i.dst] = i.upper.evaluate(block.rows);
      if (loops[i.dst] >= limits[i.dst])
        at = i.match;
    } else if (i.opcode == Opcode::End) {
      const Instruction &loop = kernel.code[i.match];
      loops[loop.dst] += loop.step;
      if (loops[loop.dst] < limits[loop.dst])
        at = i.match;
    }
  }
  return true;
}

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_WALK_H
