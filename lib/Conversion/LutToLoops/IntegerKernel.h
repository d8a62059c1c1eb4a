//===- IntegerKernel.h - the parts of an integer product's loops -*- C++ -*-===//
//
// A product of integer codes has three layers: planes become a *panel* of unsigned bytes (IntegerPanel.cpp), blocks of rows are multiplied
// with it (IntegerProduct.cpp), and one function per kind of product is called in parallel (IntegerFunctions.cpp). Of a few rows no panel is made
// (IntegerFew.cpp; one row of triples: IntegerSingle.cpp).
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_LUTTOLOOPS_INTEGERKERNEL_H
#define LUTRA_CONVERSION_LUTTOLOOPS_INTEGERKERNEL_H

#include "dialects/lowbit/Transforms/IntegerRows.h"
#include "lib/Conversion/LutToLoops/Kernel.h"
#include <array>

namespace lutra::lutloops {

/// Codes that lie side by side for one row of a panel: what one lane of 32 bits multiplies.
inline constexpr int64_t kQuad = 4;
/// Bytes of a panel for one quad of codes: a lane for each row of the tile.
inline constexpr int64_t kQuadBytes = kQuad * kTileRows;
/// Bytes of a panel, at most: three quarters of the first cache, the rest is for the rows that are multiplied with it and for their products.
inline constexpr int64_t kPanelBytes = 24576;
/// Activation rows of one piece of parallel work: enough to pay for the panel, few enough that their outputs stay near.
inline constexpr int64_t kIntegerChunkRows = 512;

/// Where to ask for weights ahead of the loads: `bytes` behind them (0: nowhere), into the cache `level`, 1 being the nearest.
struct AheadOfLoads {
  int64_t bytes, level;

  /// Asks for what lies that far behind `place` of `weights`.
  void ask(mlir::ImplicitLocOpBuilder &b, mlir::Value weights, mlir::Value place) const;
};

/// The operands of a lut.integer_matmul as arguments of a function.
struct IntegerBuffers {
  mlir::Value padded, bias, sums, scales, weights, out;
};

/// What the bytes of a panel are, and how their products are summed. Sums are of twice the codes.
struct PanelCodes {
  /// For sums in lanes of 32 bits, or, with `shortSums`, in lanes of 16 bits on the way, where these hold two quads or more.
  PanelCodes(const GroupLayout &layout, bool shortSums);

  /// Whether bytes are twice the codes, which is so where that leaves a byte's sign alone: sums need no doubling after.
  bool doubled = false;
  /// Quads whose products lanes of 16 bits hold, an even number: they are doubled as they are widened. 0: lanes have 32 bits from the start.
  int64_t shortQuads = 0;
  /// What no byte exceeds.
  int64_t largest;
};

/// Codes of 16 rows of a tile for some neighbouring tables: their planes are brought together at once, and each quad of codes is a shift and a mask of that.
class CodeStep {
public:
  /// The group at `offset` of `weights`, a step of it, and of each tile the rows from `row` + 16 `sixteens` on, which are in the same half of the tile as `row`.
  struct Place {
    mlir::Value weights, offset, step, sixteens;
    int64_t row;
  };

  /// Loads the first `tables` tables of the step, and asks for the weights ahead.
  CodeStep(mlir::ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, const Place &place, int64_t tables, const AheadOfLoads &ahead);

  /// The codes, or twice the codes, of a table of the step: a byte each, and four for each row.
  mlir::Value getQuad(int64_t table);

  /// Tables of a step, an even number.
  static int64_t countTables(const GroupLayout &layout);

private:
  mlir::Value lookUp(int64_t table);

  mlir::ImplicitLocOpBuilder *builder;
  const GroupLayout *layout;
  bool doubled;
  /// For each run the codes of its planes, in lanes of 32 bits a row; or indices into a codebook.
  llvm::SmallVector<llvm::SmallVector<mlir::Value>, 3> lanes;
  mlir::Value indices;
};

/// Emits the bytes of the first `tables` tables of a step for the 64 rows of a tile: `offset` is the group's place in `weights`, and `place` that of the step's
/// first quad in `panel`. Quad by quad, 4 bytes for each row: codes, or twice the codes. Asks for the weights ahead.
void emitPanelStep(mlir::ImplicitLocOpBuilder &b, const GroupLayout &layout, bool doubled, mlir::Value weights, mlir::Value offset, mlir::Value step, int64_t tables,
                   mlir::Value panel, mlir::Value place, const AheadOfLoads &ahead);

/// Emits the body of a product's function on its arguments: the op's buffers in their order, then the ranges of tiles and rows it is to do.
void emitIntegerMatmul(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, const GroupLayout &layout,
                       int64_t lastColumns, mlir::Region &epilogue, const ConvertLutToLoopsOptions &options);

/// The same of a single row times a weight of `channels` rows in triples; item i of the function's range is tiles i, i + n, i + 2 n, ..., n being a
/// `streams`th of the tiles, rounded up.
void emitIntegerSingle(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, const GroupLayout &layout, int64_t channels, int64_t streams,
                       mlir::Region &epilogue, const ConvertLutToLoopsOptions &options);

/// The most activation rows that are multiplied without a panel: with 32 wide registers or narrow ones, with an instruction that sums four bytes in 32
/// bits or without, with `lookupEntries` bytes that one instruction looks up, and in up to `passes` over a weight.
int64_t getFewRows(bool triples, bool isWide, bool sumsInOne, int64_t lookupEntries, int64_t passes);
/// The most activation rows that `emitIntegerFew` is for, times a weight of this layout.
int64_t getFewRows(const GroupLayout &layout, const ConvertLutToLoopsOptions &options);

/// The most activation rows that `emitIntegerFew` multiplies at once.
int64_t getRowsOfPass(const GroupLayout &layout, const ConvertLutToLoopsOptions &options);

/// Bytes of an activation row's codes in a group.
int64_t getRowBytes(const GroupLayout &layout);
/// Whether many rows' codes of a group are copied, since they contend for the same lines of the first cache.
bool mustCopyRows(const GroupLayout &layout);

/// How far ahead weights are asked for. Where the machine reads ahead by itself, its own requests end at the runs of a group: at least the next group is asked for,
/// since less would be this one's next run, which is being read already, and twice as far where runs are of four planes each (8 bits in groups of 64, 3 rows of
/// 1953x528 on Zen 4: 117 us with 4096 into the first cache, 64 into the second, 49 with 8192).
int64_t getAheadBytes(const GroupLayout &layout, const ConvertLutToLoopsOptions &options);

/// The most activation rows that `emitIntegerFew` reads the bytes of a group in order for, asking for none of them, which is where the machine reads ahead by itself.
int64_t getRowsInOrder(const GroupLayout &layout, const ConvertLutToLoopsOptions &options);

/// The same of `rows` rows (0: it is known at run time), at most `getFewRows`; of triples, more than one. Its items are those of
/// `emitIntegerSingle`, and n is the function's last argument.
void emitIntegerFew(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, const GroupLayout &layout, int64_t lastColumns, int64_t rows,
                    mlir::Region &epilogue, const ConvertLutToLoopsOptions &options);

/// The same of the preparation of codes, on a range of rows. `rest` codes make a short last group (0: there is none).
void emitPrepareCodes(mlir::ImplicitLocOpBuilder &b, mlir::ValueRange args, int64_t group, int64_t rest, int64_t factor,
                      bool scalePerRow);

/// Calls a function of `buffers`, a range of tiles and a range of rows for all tiles of a weight of `channels` rows and all `rows`: tile by tile and chunk
/// by chunk of rows, in parallel.
void callForTiles(mlir::ImplicitLocOpBuilder &b, mlir::func::FuncOp function, mlir::ValueRange buffers, mlir::Value rows,
                  int64_t channels);

} // namespace lutra::lutloops

#endif // LUTRA_CONVERSION_LUTTOLOOPS_INTEGERKERNEL_H
