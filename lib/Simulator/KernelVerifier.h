//===- KernelVerifier.h - one kernel against the machine's rules -*- C++ -*-===//
#ifndef LUTRA_LIB_SIMULATOR_KERNELVERIFIER_H
#define LUTRA_LIB_SIMULATOR_KERNELVERIFIER_H

#include "lutra/Simulator/Machine.h"

namespace lutra::ltc {

/// What is known of a register tile.
struct Tile {
  bool written = false;
  ElementType type = ElementType::F32;
  unsigned planes = 0, tables = 0;
  /// The token of the copy that is on its way here, and the address of that copy; -1 when it has been waited for.
  int32_t token = -1;
  unsigned copiedAt = 0;
};

/// What is known of a shared buffer: for each token the address of the last copy that is on its way, or -1.
struct Shared {
  bool written = false;
  std::array<int64_t, kTokens> copies;
  Shared() { copies.fill(-1); }
};

/// What is known at one place of a kernel.
struct VerifierState {
  std::array<std::vector<Tile>, kRegisterFiles> tiles;
  std::vector<Shared> shared;

  /// Whether the same copies are on their way as in `other`.
  bool hasCopiesOf(const VerifierState &other) const;
};

class KernelVerifier {
public:
  KernelVerifier(const Kernel &kernel, const Machine &machine, bool hazards);
  llvm::Error run();

private:
  /// A loop that is open: its register takes values from `first` to `last`, `known` unless they depend on M.
  struct OpenLoop {
    unsigned index;
    bool known;
    int64_t first, last;
    /// Whether its body may not run at all: what it writes does not count after it.
    bool mayBeEmpty;
    VerifierState before;
  };
  struct Range {
    int64_t low, high;
    bool known;
  };

  llvm::Error check(const Instruction &i);
  llvm::Error operands(const Instruction &i);
  llvm::Error lmma(const Instruction &i);
  llvm::Error copy(const Instruction &i);
  llvm::Error registers(const Instruction &i, Tile written);
  llvm::Error loop(const Instruction &i);
  llvm::Error end();
  llvm::Error error(const llvm::Twine &message) const { return kernel.errorAt(at, message); }
  llvm::Error inFile(RegisterFile file, unsigned index) const;
  llvm::Error read(RegisterFile file, unsigned index);
  llvm::Error write(RegisterFile file, unsigned index, Tile tile, int32_t token = -1);
  llvm::Error waited(RegisterFile file, unsigned index) const;
  llvm::Error tokenExists(int32_t token) const;
  llvm::Error arrived(unsigned buffer) const;
  llvm::Error readShared(unsigned buffer);
  llvm::Error copyShared(unsigned buffer, int32_t token);
  void wait(int32_t token);
  llvm::Expected<Range> rangeOf(const Affine &index) const;
  llvm::Error access(const Address &address, ElementType type, llvm::ArrayRef<int64_t> extents, bool rows,
                     bool clipColumns = false, bool mayBegin = false);
  llvm::Error inside(const Buffer &buffer, size_t dimension, const Affine &index, int64_t extent);
  bool isAligned(const Affine &index, int64_t align) const;
  llvm::Error bytes(const Address &address, int64_t extent, int64_t align);
  Tile &tile(RegisterFile file, unsigned index) { return state.tiles[static_cast<unsigned>(file)][index]; }

  const Kernel &kernel;
  const Machine &machine;
  /// Whether reads and writes before a wait are errors here; if not, they are when they happen.
  bool hazards;
  unsigned at = 0;
  VerifierState state;
  std::vector<OpenLoop> loops;
};

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_KERNELVERIFIER_H
