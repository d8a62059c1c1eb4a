//===- AttentionKernel.h - the loops of lowbit.attention --------*- C++ -*-===//
//
// The body of the function that computes one kind of lowbit.attention on buffers. All loops are built here with the
// vector dialect; nothing is left to a vectorizer.
//
// Keys are taken in chunks of a fixed size. A row (one query token and head) keeps the greatest score so far, the sum of its
// weights and its weighted values, all relative to that score; a chunk with a greater one scales them down. A prompt's blocks of
// rows go through their chunks one after the other (AttentionRows.cpp); of a single token each chunk is a task of its own, and what
// they leave is merged in their order (AttentionSingle.cpp). So no buffer has the size S x T, and results do not depend on the number of threads.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_LOWBITTOLOOPS_ATTENTIONKERNEL_H
#define LUTRA_CONVERSION_LOWBITTOLOOPS_ATTENTIONKERNEL_H

#include "dialects/lowbit/IR/Lowbit.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"

namespace lutra {

/// Builds the body of attention functions for one `op`: its attributes and static sizes are constants of the code, its
/// operands are the function's arguments.
class AttentionKernel {
public:
  /// Refuses, with a diagnostic on `op`, what the loops cannot compute: a head size that is not static, or that is odd with
  /// rotary; cos/sin tables of a dynamic width; element types other than f32 (data), i32 (lengths) and those of caches.
  static llvm::LogicalResult verify(lowbit::AttentionOp op);

  /// `arguments` are values for op's operands, in op's order, at the insertion point of `builder`. Everything between the
  /// rotated f32 heads and the output is computed in `sums`, f32 or f64. A single token asks for floats `prefetchBytes` ahead.
  AttentionKernel(lowbit::AttentionOp op, mlir::ValueRange arguments, mlir::FloatType sums, int64_t prefetchBytes, mlir::OpBuilder &builder);

  /// Emits everything: position checks, the cache update and the rows.
  void emit();

private:
  /// Keys of a tile: the lanes of a score vector.
  static constexpr int64_t kKeyLanes = 16;
  /// Of a single token: keys that are taken together, and the most streams that they are from. What they need of 32 vector
  /// registers leaves room for the queries: with eight keys LLVM loads these before the loop and spills them.
  static constexpr int64_t kKeysAtOnce = 4, kMostStreams = 4;
  /// Of a single token: vectors of sums that are carried through a chunk's values: half of 32 registers.
  static constexpr int64_t kSumsInRegisters = 16;
  /// Lines of longer keys are not loaded in their order, which one stream depends on.
  static constexpr int64_t kMostBytesOfStream = 256;
  /// Keys of a chunk: its keys and values stay in the L2 cache while they are used.
  static constexpr int64_t kChunk = 256;
  /// Of a single token, where the cache holds more than kLongCache positions of floats: so many keys, or bytes of keys, since memory waits at either end of a chunk.
  static constexpr int64_t kLongChunk = 1024, kChunkBytes = 512 << 10, kLongCache = 1024;
  /// Rows per block: enough to pay for a key tile's transposition, few enough to keep their scores in the L2 cache.
  static constexpr int64_t kBlockRows = 32;
  /// Rows computed together: independent accumulators that hide the latency of fma.
  static constexpr int64_t kRowsAtOnce = 4;

  /// Bytes of a line of the machine's caches.
  static constexpr int64_t kMachineLine = 64;
  /// Bytes of a line that are taken together where codes are multiplied.
  static constexpr int64_t kPieceBytes = 16, kBlockBytes = 4 * kPieceBytes;
  /// Scores take longer than values: so many of 16 keys' values are asked for while the scores of others are made, so that memory is read evenly.
  static constexpr int64_t kValuesWithKeys = 4;
  /// Products of so many codes (at least -2^7) with numbers below 2^14 add up to less than 2^31.
  static constexpr int64_t kLongestSegment = 1024;

  /// What rows carry from chunk to chunk: buffers of `sums` with a line for each row.
  struct State {
    /// [rows] and [rows]: the greatest score and the sum of exp(score - greatest).
    mlir::Value greatest, total;
    /// [rows, head size]: the sum of exp(score - greatest) times the values.
    mlir::Value values;
  };
  /// Keys `begin` to `end` of a head of the cache; column j of score buffers is key `begin` + j.
  /// `keyScales` and `valueScales` are buffers of their lines' scales, where lines have one.
  struct Keys {
    mlir::Value batch, kvHead, begin, end;
    mlir::Value keyScales = {}, valueScales = {};
  };
  /// How a single token goes through a chunk: stream s begins `perStream` s keys behind `begin`, and of each the same step is taken
  /// at once. The `streamed` keys end at `rest`; fewer than kKeysAtOnce follow.
  struct Walk {
    mlir::Value begin, perStream, streamed, rest;
    /// The kKeysAtOnce keys of `step`, stream by stream.
    llvm::SmallVector<mlir::Value> keysAt(AttentionKernel &kernel, mlir::Value step) const;
  };
  /// Numbers of each row and segment as integers of 14 bits, in two digits.
  struct Integers {
    /// i32 [rows, words]: four digits a word (queryWord, weightWord).
    mlir::Value digits;
    /// [rows, segments]: what an integer counts (f32; of weights, one for all rows); what a sum of products with nibbles has too much, negated (i32).
    mlir::Value steps, offsets;
    /// Of queries, where whole blocks are taken: i32 [rows, words], each word of `digits` four times (blockWord).
    mlir::Value blocks = {};
  };
  /// Buffers of the task of a chunk.
  struct Buffers {
    /// [query heads of a key-value head, head size] and [the same, kChunk].
    mlir::Value queries, scores;
    /// A rotated head in f32, where sums are not; the values' scales, where lines have one.
    mlir::Value rotated, valueScales;
    /// Where sums stay in memory, of each row: what is subtracted from its scores, and sums of its weights in lanes.
    mlir::Value shifts = {}, totals = {};
    /// Where codes are multiplied: queries and weights as integers.
    Integers queryIntegers = {}, weightIntegers = {};
    /// There: the greatest scores, [query heads of a key-value head, kKeyLanes].
    mlir::Value greatest = {};
    /// There: the scales of a chunk's keys, [segments, kChunk], as the values' are then, and both as the f16 that they are.
    mlir::Value keyScales = {}, keyHalves = {}, valueHalves = {};
    /// [segments, kKeyLanes]: 0 times sums of the values' scales, which is 0 unless one of them is no finite number; the greatest of them.
    mlir::Value nothing = {}, mostScales = {};
  };

  // Small expressions, in index arithmetic unless named otherwise.
  mlir::Value index(int64_t value);
  /// A number in the type of sums.
  mlir::Value scalar(double value);
  mlir::Value splat(double value, int64_t lanes);
  /// `value` in the type of `like`, one of sums or a vector of them.
  mlir::Value constantLike(double value, mlir::Value like);
  mlir::VectorType sumVector(int64_t lanes) { return mlir::VectorType::get({lanes}, sums); }
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  /// Rounded up to a multiple of `step`.
  mlir::Value roundUp(mlir::Value value, int64_t step);
  mlir::Value load(mlir::Value memref, mlir::ValueRange indices, int64_t lanes);
  /// The largest power of two, at most 16, that divides `size`.
  static int64_t vectorLanes(int64_t size);
  /// Loads, and widens to `type`.
  mlir::Value loadAs(mlir::FloatType type, mlir::Value memref, mlir::ValueRange indices, int64_t lanes);
  /// A float, or a vector of them, in the type `type`, which holds it exactly.
  mlir::Value widen(mlir::FloatType type, mlir::Value value);
  /// Stores, rounded to the buffer's type.
  void store(mlir::Value vector, mlir::Value memref, mlir::ValueRange indices);
  /// x y + sum, rounded once where the machine can: in f64 what is rounded to f32 at the end has the same bits but for one number in 10^8 (docs/spec/numerics.md).
  mlir::Value multiplyAdd(mlir::Value x, mlir::Value y, mlir::Value sum);
  /// Bytes that the cache keeps for a head and position.
  int64_t lineBytes();
  /// Asks for a line of the cache before it is needed, in the cache of level 4 - `locality` of the machine.
  void prefetchLine(mlir::Value cache, const Keys &keys, mlir::Value key, int locality = 3);
  /// The same of `count` elements from `first` on.
  void prefetchElements(mlir::Value cache, const Keys &keys, mlir::Value key, int64_t first, int64_t count);
  /// Asks for what the streams of `lines` will read soon: loads alone are issued too late, since arithmetic fills the machine's window.
  void prefetchAhead(mlir::Value cache, const Keys &keys, llvm::ArrayRef<mlir::Value> lines);
  /// A buffer for one task, of the stack where it is small; others are added to `heap`, to be released.
  mlir::Value scratch(llvm::ArrayRef<int64_t> shape, mlir::Type element, llvm::SmallVectorImpl<mlir::Value> &heap);
  void release(llvm::ArrayRef<mlir::Value> buffers);
  void forRange(mlir::Value begin, mlir::Value end, int64_t step, llvm::function_ref<void(mlir::Value)> body);
  /// tanh in the type of sums.
  mlir::Value tanh(mlir::Value vector);

  /// Position of the first new token of sequence `batch`, and whether its new tokens fit the cache and the rotary tables.
  std::pair<mlir::Value, mlir::Value> firstPosition(mlir::Value batch);
  /// Asserts that every sequence fits; returns how many new tokens may be processed (S, or 0 when one does not fit).
  mlir::Value checkPositions();
  /// Copies past into present unless they are the same memory.
  void copyPast(mlir::Value past, mlir::Value present);
  /// Rotates the keys of one token and puts its keys and values into the cache; where that holds codes, a head is rotated in `rotated`.
  void appendToCache(mlir::Value batch, mlir::Value token, mlir::Value rotated);
  /// Writes a head of `source` into the line (batch, head, position) of `cache`, as the cache keeps it.
  void writeLine(mlir::Value source, llvm::ArrayRef<mlir::Value> sourceIndices, mlir::Value cache,
                 llvm::ArrayRef<mlir::Value> line, mlir::Value channelScales);
  /// Rounds elements `d` and following, divided by their scale, to codes in a line.
  void storeCodes(mlir::Value quotients, bool isSymmetric, mlir::Value cache, llvm::ArrayRef<mlir::Value> line, int64_t d);
  /// `lanes` elements from `d` on of a cache's line at position `key`: codes where their scales are multiplied elsewhere.
  mlir::Value loadCache(mlir::FloatType type, mlir::Value cache, const Keys &keys, mlir::Value key, mlir::Value d,
                        int64_t lanes);
  /// Parts of a line of `headSumLanes` elements, in the type of sums; where pairs are split, in the order of splitPairs.
  llvm::SmallVector<mlir::Value> loadParts(mlir::Value cache, const Keys &keys, mlir::Value key, int64_t first, int64_t parts);
  /// Puts the elements of even and of odd index of each two parts of a query beside each other, as loadParts gives a line's.
  void splitPairs(mlir::Value queries, mlir::Value row);
  /// Undoes it.
  void joinPairs(llvm::MutableArrayRef<mlir::Value> parts);
  mlir::Value loadCodes(mlir::FloatType type, mlir::Value cache, const Keys &keys, mlir::Value key, mlir::Value d,
                        int64_t lanes);
  /// The scale in a line of the group of element `d`.
  mlir::Value groupScale(mlir::FloatType type, mlir::Value cache, const Keys &keys, mlir::Value key, mlir::Value d);
  /// Whether each line has one scale, which scores and weights are multiplied by.
  bool hasLineScales() const { return cacheBits != 0 && cacheGroup == headSize; }
  /// Fills `buffers` with the scales of a chunk's keys and values, if lines have one, and puts them in `keys`.
  void loadLineScales(Keys &keys, llvm::ArrayRef<mlir::Value> buffers);
  /// scales[i] = the scale of the line of key `begin` + i.
  void emitLineScales(mlir::Value cache, mlir::Value scales, const Keys &keys);
  /// Elements `d` and following of a head times their channels' scales.
  mlir::Value scaledByChannel(mlir::Value vector, mlir::Value scales, mlir::Value kvHead, int64_t d);
  /// Writes a head of `source`, rotated for `position`, times the f32 `factor` if there is one.
  void rotateHead(mlir::Value source, llvm::ArrayRef<mlir::Value> sourceIndices, mlir::Value target,
                  llvm::ArrayRef<mlir::Value> targetIndices, mlir::Value position, mlir::Value factor);
  /// The first key that a token at `position` attends to: 0, or the window's, rounded down to a multiple of `step`.
  mlir::Value firstKeyOf(mlir::Value position, mlir::Value step);
  /// The most keys that a chunk of a single token has.
  int64_t keysOfChunk();

  /// One block of rows (query tokens x query heads of one key-value head) of a prompt.
  void emitBlock(mlir::Value batch, mlir::Value kvHead, mlir::Value firstRow, mlir::Value numRows);
  /// All rows of one token a sequence.
  void emitSingleToken();

  /// A chunk's keys and values, whose sums are left in the rows of `state` from `firstRow` on.
  void emitChunk(Keys keys, mlir::Value position, const State &state, mlir::Value firstRow, const Buffers &buffers);
  Walk walkThrough(const Keys &keys);
  /// `streamed` for each step of a walk, `rest` for the keys behind, padded with the last; with the place of their scores.
  void forBlocks(const Walk &walk, const Keys &keys,
                 llvm::function_ref<void(llvm::ArrayRef<mlir::Value>, mlir::Value)> streamed,
                 llvm::function_ref<void(llvm::ArrayRef<mlir::Value>, mlir::Value)> rest);

  /// Memory for the state of `rows` rows, to be released.
  State allocateState(mlir::Value rows);
  /// Makes `row` one of no keys, or of the sink alone.
  void initialize(const State &state, mlir::Value row, mlir::Value sinkScore = {});
  /// The sink's score of a query head in the type of sums, or nothing.
  mlir::Value loadSink(mlir::Value head);
  /// queries[row] = the rotated, scaled query.
  /// With sums in f64, `rotated` holds it meanwhile.
  void emitQuery(mlir::Value queries, mlir::Value row, mlir::Value rotated, mlir::Value batch, mlir::Value token,
                 mlir::Value head, mlir::Value position);
  /// keyTile[d, i] = element d of key `key` + i, transposed; keys past the last one repeat it.
  void emitKeyTile(mlir::Value keyTile, const Keys &keys, mlir::Value key);
  /// scores[row, ...] of `kRowsAtOnce` rows against the keys in `keyTile`. `position` gives the place of a row's token.
  void emitTileScores(mlir::Value queries, mlir::Value keyTile, mlir::Value scores, mlir::Value row, mlir::Value key,
                      const Keys &keys, llvm::function_ref<mlir::Value(mlir::Value)> position);
  /// Of a single token: the scales of `lines`; the products of rows with them; scores[firstRow .. firstRow + rows - 1, ...] of a chunk.
  mlir::Value lineScales(mlir::Value cache, const Keys &keys, llvm::ArrayRef<mlir::Value> lines);
  llvm::SmallVector<mlir::Value> emitDots(mlir::Value queries, int64_t firstRow, int64_t rows, const Keys &keys,
                                          llvm::ArrayRef<mlir::Value> lines);
  void emitScores(mlir::Value queries, mlir::Value scores, int64_t firstRow, int64_t rows, const Keys &keys,
                  const Walk &walk, mlir::Value position);
  /// A score as it counts: capped, and -infinity where the key is not to be seen. Without `keyPositions` all are.
  mlir::Value capAndMask(mlir::Value score, mlir::Value keyPositions, mlir::Value position);
  /// e^below for what lies at most at 0: the weight of a score so far below the greatest. In f32, what would be subnormal is 0, and `powerOfTwo` may name
  /// other coefficients of 2^t for |t| <= 1/2.
  mlir::Value weightOf(mlir::Value below, llvm::ArrayRef<double> powerOfTwo = {});
  /// The greater of two, and the greatest lane. A score that is no number need not win: its weight is no number either, nor is their sum.
  mlir::Value greatestOf(mlir::Value x, mlir::Value y);
  mlir::Value greatestLane(mlir::Value vector);
  /// Caps, masks and stores scores of consecutive keys.
  void storeScores(mlir::Value score, mlir::Value scores, mlir::Value row, mlir::Value key, const Keys &keys,
                   mlir::Value position);
  /// A vector of the sums of each vector's lanes.
  mlir::Value sumLanes(llvm::SmallVector<mlir::Value> vectors);
  /// The same in two steps, for vectors of at least as many lanes as there are vectors: of two vectors, sums of two lanes of either,
  /// the second's where a lane's number has `bit`; and of one, until it has `lanesLeft`.
  mlir::Value blendAndAdd(mlir::Value first, mlir::Value second, int64_t bit);
  mlir::Value sumHalves(mlir::Value vector, int64_t lanesLeft);
  /// Turns the scores of `row` (`numKeys` of them, a multiple of `kKeyLanes`) into weights and brings `stateRow` up to date.
  /// `beside` is emitted with each vector of keys, at its place.
  /// In steps: what is subtracted from all scores, the row's state being made relative to it; 16 scores made weights, which are returned; and their sum's lanes.
  mlir::Value emitShift(mlir::Value scores, mlir::Value row, mlir::Value numKeys, const State &state, mlir::Value stateRow);
  mlir::Value weighKeys(mlir::Value scores, mlir::Value row, mlir::Value column, mlir::Value shift, const Keys &keys);
  void addToTotal(mlir::Value weights, const State &state, mlir::Value stateRow);
  void emitWeights(mlir::Value scores, mlir::Value row, mlir::Value numKeys, const Keys &keys, const State &state,
                   mlir::Value stateRow, llvm::function_ref<void(mlir::Value)> beside = nullptr);
  /// The values of `rows` rows of the state, from `stateRow` on, += weights x values of the cache.
  void emitValues(mlir::Value scores, mlir::Value row, int64_t rows, const Keys &keys, const State &state,
                  mlir::Value stateRow);
  /// The same of a single token, for scores in the order of `walk`.
  void emitWeightedValues(mlir::Value scores, int64_t row, int64_t rows, const Keys &keys, const Walk &walk,
                          const State &state, mlir::Value stateRow, mlir::Value position);
  // Of a single token whose sums stay in memory (AttentionParts.cpp).
  void forBranch(mlir::Value condition, llvm::function_ref<void()> body);
  /// In the last steps of a walk, at `column`: what the streams of `next` begin with, a line of each.
  void askForBeginnings(mlir::Value cache, const Keys &next, mlir::Value column, const Walk &walk);
  /// The chunk that follows, or the next head's first.
  Keys keysAfter(const Keys &keys, mlir::Value position);
  /// Values of rows += weights of `lines`, whose scores begin at `column`, x values of the cache.
  void emitValueStep(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys, llvm::ArrayRef<mlir::Value> lines,
                     mlir::Value column, const State &state, mlir::Value stateRow);
  /// The same of a chunk, whose scores become weights meanwhile.
  void emitValuesByParts(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys, const Walk &walk,
                         const State &state, mlir::Value stateRow, mlir::Value position);
  // Of a single token whose codes are multiplied (AttentionCodes.cpp, AttentionCodeValues.cpp).
  /// A chunk's keys and values, whose sums are left in the rows of `state` from `firstRow` on.
  void emitCodesChunk(const Keys &keys, mlir::Value position, const State &state, mlir::Value firstRow, const Buffers &buffers);
  void allocateCodeBuffers(Buffers &buffers, llvm::SmallVectorImpl<mlir::Value> &heap);
  /// Bytes of a line's codes.
  int64_t codeBytes() { return headSize * cacheBits / 8; }
  /// Where the digits lie of four queries, those of the codes (or of the lower or upper nibbles: `half`) in the bytes `at` and following; and a segment's weights'.
  int64_t queryWord(int64_t digit, int64_t half, int64_t at) { return (digit * headSize + half * codeBytes() + at) / 4; }
  int64_t blockWord(int64_t digit, int64_t half, int64_t at, int64_t column) { return 4 * queryWord(digit, half, at) + column * kKeyLanes; }
  int64_t weightWord(int64_t segment, int64_t digit) { return segment / 2 * kChunk + segment % 2 * 2 + 1 - digit; }
  /// A vector of i32.
  mlir::Value integers(int64_t value, int64_t lanes);
  /// The bits of kRounder + x `perUnit` + `offset`: the lowest 14 are that sum, within 0 and 2^14 - 1, rounded to even.
  static constexpr double kRounder = 0x1.8p23;
  mlir::Value roundToInteger(mlir::Value x, mlir::Value perUnit, int64_t offset);
  /// A digit (0: the upper) of numbers of 14 bits, and numbers that are bytes, four in an i32.
  mlir::Value digitWords(mlir::Value numbers, int64_t digit);
  mlir::Value bytesAsWords(mlir::Value numbers);
  /// Of each four lanes of 14-bit numbers (roundToInteger), of one or two vectors: their lower digits in an i32, then the upper ones.
  mlir::Value digitFours(llvm::ArrayRef<mlir::Value> numbers);
  /// Of each four words, their first bytes, then their second ones, ...
  mlir::Value transposeBytes(mlir::Value bytes);
  /// Both digits' sums as one number.
  mlir::Value joinDigits(mlir::Value upper, mlir::Value lower);
  /// Bytes of codes as they are multiplied: themselves, or their lower and their upper nibbles.
  llvm::SmallVector<mlir::Value> takeApart(mlir::Value bytes);
  /// `sum` + products of codes with the four digits in `word`.
  mlir::Value addProducts(mlir::Value codes, mlir::Value word, mlir::Value sum);
  /// The same with the four digits in each lane of `words`.
  mlir::Value addProductsOf(mlir::Value codes, mlir::Value words, mlir::Value sum);
  /// A query has two digits, and beside codes with scales in their lines, which are less precise, one byte.
  int64_t queryDigits() { return cacheGroup == 0 ? 2 : 1; }
  /// Codes of keys as a query's integers multiply them, which are signed beside unsigned codes; and `sum` + products of them.
  llvm::SmallVector<mlir::Value> keyCodes(mlir::Value bytes);
  mlir::Value addKeyProducts(mlir::Value codes, mlir::Value words, mlir::Value sum);
  mlir::Value broadcastWord(mlir::Value word);
  /// Each head's query as integers, in a row of buffers that are added to `heap`.
  Integers emitQueryIntegers(mlir::Value batches, llvm::SmallVectorImpl<mlir::Value> &heap);
  void emitQueryDigits(const Integers &to, mlir::Value queries, mlir::Value row);
  /// `body` for `count` lines of a chunk at a time, and where their scores lie; those past the last key, in no whole `count`, repeat it.
  void forLines(const Keys &keys, int64_t count, llvm::function_ref<void(llvm::ArrayRef<mlir::Value>, mlir::Value, bool)> body);
  /// Scales of a line that are copied together.
  int64_t scalesAtOnce() { return segments % 2 == 0 ? 2 : 1; }
  /// `count` keys of a chunk from `column` on; those past `last`, if one is given, repeat it.
  llvm::SmallVector<mlir::Value> linesAt(const Keys &keys, mlir::Value column, int64_t count, mlir::Value last = {});
  /// Puts the scales of 16 lines beside each other, from `column` on; and those as floats, a vector for each segment, in scales[segment, column] and on.
  void copyScales(mlir::Value cache, mlir::Value halves, const Keys &keys, llvm::ArrayRef<mlir::Value> lines, mlir::Value column);
  llvm::SmallVector<mlir::Value> widenScales(mlir::Value halves, mlir::Value scales, mlir::Value column);
  /// Asks for lines of a chunk while another is taken, 16 keys at a time, at `column`: from key `first` on, `count` each time; where the machine
  /// does not read ahead by itself, half of them from either half of the chunk: two streams, so that one goes on where the other meets a new page.
  void prefetchLines(mlir::Value cache, const Keys &keys, mlir::Value column, int64_t first, int64_t count);
  /// Bytes `at` and following of the lines `first`, `first` + `step`, ..., four after each other, as i32.
  mlir::Value loadPieces(mlir::Value cache, const Keys &keys, llvm::ArrayRef<mlir::Value> lines, int64_t first, int64_t step, int64_t at);
  /// Of 16 lines, four bytes in a lane for each line: those at `at`, at `at` + 4, ...
  llvm::SmallVector<mlir::Value> loadColumns(mlir::Value cache, const Keys &keys, llvm::ArrayRef<mlir::Value> lines, int64_t at);
  /// Of four lines, their bytes at `at`, then those at `at` + 1, ...; of a whole block, by fours of each sixteen bytes.
  llvm::SmallVector<mlir::Value> loadFourLines(mlir::Value cache, const Keys &keys, llvm::ArrayRef<mlir::Value> lines, int64_t at);
  /// Of each four lanes those in `ofFour`: 0 to 3 of x, 4 to 7 of y. Four lanes of four vectors, transposed.
  mlir::Value pickLanes(mlir::Value x, mlir::Value y, llvm::ArrayRef<int64_t> ofFour);
  llvm::SmallVector<mlir::Value> transposeFours(llvm::ArrayRef<mlir::Value> fours);
  /// Of two vectors, `quarters` (numbered through both) added to others.
  mlir::Value addQuarters(mlir::Value x, mlir::Value y, llvm::ArrayRef<int64_t> quarters);
  /// buffer[row, column].
  mlir::Value ofRow(mlir::Value buffer, mlir::Value row, int64_t column);
  /// Products of integers of rows with the codes in 16 lines, summed over a segment: by columns of 16 keys, or by blocks of four.
  llvm::SmallVector<mlir::Value> emitColumnProducts(const Integers &from, llvm::ArrayRef<mlir::Value> rows, const Keys &keys,
                                                    llvm::ArrayRef<mlir::Value> lines, int64_t segment);
  llvm::SmallVector<mlir::Value> emitBlockProducts(const Integers &from, llvm::ArrayRef<mlir::Value> rows, const Keys &keys,
                                                   llvm::ArrayRef<mlir::Value> lines, int64_t segment);
  /// `next` is what is taken after these keys, to be asked for meanwhile.
  void emitCodeScores(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys, const Keys &next,
                      mlir::Value position);
  /// What the weights of a chunk are multiplied by to be integers takes the place of the values' scales.
  void emitWeightSteps(const Buffers &buffers, mlir::Value numKeys);
  void emitCodeWeights(const Buffers &buffers, mlir::Value row, mlir::Value numKeys, const State &state, mlir::Value stateRow);
  void emitCodeValues(const Buffers &buffers, int64_t firstRow, int64_t rows, const Keys &keys, const Keys &next,
                      const State &state, mlir::Value stateRow);
  /// Both digits' sums of a row and `unit` of a line's bytes, as values of the state.
  void storeValues(mlir::ValueRange added, const Integers &from, int64_t row, int64_t unit, const State &state, mlir::Value stateRow);

  /// Writes values / total.
  void emitOutput(llvm::ArrayRef<mlir::Value> values, mlir::Value total, mlir::Value batch, mlir::Value token,
                  mlir::Value head);
  /// The output of a query head whose state lies in rows `row`, `row` + heads of a key-value head, ... before `end`.
  void mergeAndOutput(const State &state, mlir::Value row, mlir::Value end, mlir::Value batch, mlir::Value head);
  /// The token and the query head of a row, rows being ordered by token, then head.
  std::pair<mlir::Value, mlir::Value> tokenAndHead(mlir::Value row, mlir::Value kvHead);

  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::FloatType sums;
  mlir::Value query, key, value, pastKey, pastValue, seqlens, total, cosTable, sinTable, sink, keyScale, valueScale,
      output, presentKey, presentValue;
  int64_t numHeads, kvHeads, headsPerKV, headSize, rotarySize, window, cacheBits, cacheGroup;
  float scale, softcap;
  bool interleaved;
  /// A single token's products with codes are of integers (docs/spec/numerics.md, "Quantized caches").
  bool multipliesCodes;
  /// Whether whole blocks of a line's codes share a scale: they are loaded as vectors of 64 bytes, others by 16.
  bool takesWholeBlocks;
  /// Elements of a head that share a scale, and how many times so many it has.
  int64_t segmentSize, segments;
  /// Codes of 4 bits are taken apart with the elements of even and of odd index in vectors of their own: half the work.
  bool splitsNibbles;
  /// Lanes of a vector along a head, of f32 and of sums: powers of two that divide its size.
  int64_t headLanes, headSumLanes;
  /// Of floats: bytes ahead in each stream of what is asked for; 0 for nothing.
  int64_t prefetchBytes;
  /// Of a single token: streams that a chunk is walked in, side by side, and of each the keys that are taken together.
  int64_t streams, keysOfStream;
  /// Of a single token: the sums of values stay in memory.
  bool addsByParts;
  /// Of a single token: keys of a chunk.
  mlir::Value chunkKeys;
  mlir::Value numTokens, cacheLength;
};

} // namespace lutra

#endif // LUTRA_CONVERSION_LOWBITTOLOOPS_ATTENTIONKERNEL_H
