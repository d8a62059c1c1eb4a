//===- Core.h - one core: registers, shared memory, instructions -*- C++ -*-===//
//
// Tiles are kept as the array sees them: a table tile with its negated half spelled out (a code is the sign and the
// index), the bytes of a weight tile as they lie in memory. Every byte of shared memory and every register knows whether
// a copy is on its way there: to read one before the wait is an error with the instruction's address and text.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_LIB_SIMULATOR_CORE_H
#define LUTRA_LIB_SIMULATOR_CORE_H

#include "Walk.h"
#include "lutra/Simulator/Simulator.h"

namespace lutra::ltc {

class Core {
public:
  explicit Core(const Machine &machine);

  /// Runs a block of a verified kernel.
  llvm::Error run(const Kernel &kernel, llvm::ArrayRef<HostBuffer> buffers, const Block &block);

private:
  struct TableTile {
    /// Entries of i8 and i16.
    std::vector<int16_t> ints;
    /// Entries of floats, which are numbers of f32.
    std::vector<float> f32;
    /// Rows that are inside of the launch; the others are zero.
    unsigned rows = 0;
  };
  struct ActTile {
    std::vector<float> values;
    unsigned rows = 0;
  };
  /// A place in memory: `data` at the access's indices, rows `rowBytes` apart, of which `rows` are inside.
  struct View {
    char *data;
    int64_t rowBytes;
    unsigned rows;
    /// Elements up to the end of the last dimension.
    int64_t columns;
  };
  /// A buffer of the kernel that runs, with strides in bytes.
  struct Memory {
    char *data;
    llvm::SmallVector<int64_t, 3> strides;
    bool shared;
    /// Rows of shared memory that a copy of rows inside of the launch has reached.
    int64_t rows = 0;
  };

  void bind(const Kernel &kernel, llvm::ArrayRef<HostBuffer> buffers);
  bool step(const Instruction &i, const LoopValues &loops);
  void fail(const llvm::Twine &message);

  View locate(const Instruction &i, const LoopValues &loops) const;
  bool mayRead(const View &view, const Memory &memory, uint64_t rows, uint64_t rowBytes);
  bool registersMayBeUsed(const Instruction &i);
  void markWritten(const View &view, const Memory &memory, uint64_t bytes);

  void copy(const Instruction &i, const LoopValues &loops);
  void copyBox(const Instruction &i, const LoopValues &loops, unsigned dimension, const char *from, char *to, bool inside);
  void wait(int32_t token);
  bool load(const Instruction &i, const LoopValues &loops);
  void loadTable(const Instruction &i, const View &view);
  void lmma(const Instruction &i);
  template <typename Element>
  void addColumns(const Instruction &i, Element *acc, const Element *table, unsigned n) const;
  void sums(const Instruction &i);
  void greatest(const Instruction &i);
  void tableScale(const Instruction &i);
  void makeTables(const Instruction &i);
  void normalize(const Instruction &i);
  void vector(const Instruction &i);
  void store(const Instruction &i, const LoopValues &loops);
  void expandTable(TableTile &tile, unsigned row, unsigned table, bool isFloat);
  /// Entry `index` (its top bit set) of table `table` of a row of activations.
  float entryOf(const float *activations, unsigned index) const;
  const float *activations(const Instruction &i, unsigned row, unsigned table) const;

  const Machine machine;
  std::vector<TableTile> tables;
  std::vector<std::vector<uint8_t>> weights;
  std::vector<std::vector<int32_t>> i32;
  std::vector<std::vector<float>> f32, rows, cols;
  std::vector<ActTile> acts;
  std::vector<std::vector<double>> squares;
  std::vector<char> shared;
  /// For each byte of shared memory: 0 never written, 1 there, 2 + token on its way.
  std::vector<uint8_t> status;
  /// The bytes that the copies of each token write.
  std::array<std::vector<std::pair<size_t, size_t>>, kTokens> copies;
  /// The token of the copy on its way into each register, or -1.
  std::array<std::vector<int32_t>, kRegisterFiles> pending;
  bool anyPending = false;

  // Of the block that runs.
  const Kernel *kernel = nullptr;
  Block block;
  std::vector<Memory> memory;
  unsigned at = 0;
  std::string failure;
};

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_CORE_H
