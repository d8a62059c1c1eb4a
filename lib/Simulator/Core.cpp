//===- Core.cpp - memory of a core: loads, stores, copies and waits -------===//

#include "Core.h"
#include "Format.h"
#include "Numbers.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cstring>

using namespace lutra::ltc;
using llvm::Error;
using llvm::Twine;

/// States of a byte of shared memory.
static constexpr uint8_t kUnwritten = 0, kThere = 1, kOnItsWay = 2;

Core::Core(const Machine &machine)
    : machine(machine), tables(machine.tableTiles), weights(machine.weightTiles), i32(machine.i32Tiles),
      f32(machine.f32Tiles), rows(machine.rowTiles), cols(machine.colTiles), acts(machine.actTiles),
      squares(machine.sumTiles) {
  const size_t entries = size_t(machine.arrayM) * machine.tablesPerTile * machine.entries();
  for (TableTile &tile : tables) {
    tile.ints.resize(entries);
    tile.f32.resize(entries);
  }
  for (auto &tile : weights)
    tile.resize(machine.planesPerTile * machine.planeBytes(machine.tablesPerTile));
  const size_t elements = size_t(machine.arrayM) * machine.arrayN;
  for (auto &tile : i32)
    tile.resize(elements);
  for (auto &tile : f32)
    tile.resize(elements);
  for (auto &tile : rows)
    tile.resize(machine.arrayM);
  for (auto &tile : cols)
    tile.resize(machine.arrayN);
  for (ActTile &tile : acts)
    tile.values.resize(size_t(machine.arrayM) * machine.tablesPerTile * machine.arrayK);
  for (auto &tile : squares)
    tile.resize(machine.arrayM);
  for (unsigned file = 0; file < kRegisterFiles; ++file)
    pending[file].assign(machine.registers(RegisterFile(file)), -1);
}

Error Core::run(const Kernel &toRun, llvm::ArrayRef<HostBuffer> buffers, const Block &toDo) {
  kernel = &toRun;
  block = toDo;
  bind(toRun, buffers);
  walk(toRun, toDo, [&](const Instruction &i, size_t address, const LoopValues &loops) {
    at = address;
    return step(i, loops);
  });
  if (failure.empty())
    return Error::success();
  std::string message = std::move(failure);
  failure.clear();
  return kernel->errorAt(at, message);
}

/// Places the shared buffers, empty, and forgets copies of the block before.
void Core::bind(const Kernel &toRun, llvm::ArrayRef<HostBuffer> buffers) {
  shared.resize(toRun.sharedBytes());
  status.assign(shared.size(), kUnwritten);
  for (auto &list : copies)
    list.clear();
  if (anyPending)
    for (auto &file : pending)
      std::fill(file.begin(), file.end(), -1);
  anyPending = false;
  memory.clear();
  size_t next = 0;
  for (auto [index, buffer] : llvm::enumerate(toRun.buffers)) {
    const int64_t size = sizeOf(buffer.type);
    Memory place{nullptr, {}, buffer.isShared()};
    if (!buffer.isShared()) {
      for (int64_t stride : buffers[index].strides)
        place.strides.push_back(stride * size);
      place.data = buffers[index].data;
      if (buffer.shape[0] == kDynamicRows)
        place.data += block.firstRow * place.strides[0];
    } else {
      place.data = shared.data() + next;
      next += llvm::alignTo(buffer.bytes(), 128);
      place.strides.resize(buffer.shape.size());
      int64_t stride = size;
      for (size_t dimension = buffer.shape.size(); dimension-- > 0; stride *= buffer.shape[dimension])
        place.strides[dimension] = stride;
    }
    memory.push_back(std::move(place));
  }
}

void Core::fail(const Twine &message) {
  if (failure.empty())
    failure = message.str();
}

Core::View Core::locate(const Instruction &i, const LoopValues &loops) const {
  const Memory &place = memory[i.address.buffer];
  View view{place.data, place.strides[0], machine.arrayM, 0};
  int64_t index = 0, row = 0;
  for (auto [dimension, affine] : llvm::enumerate(i.address.indices)) {
    index = evaluate(affine, loops);
    if (dimension == 0)
      row = index;
    view.data += index * place.strides[dimension];
  }
  const Buffer &buffer = kernel->buffers[i.address.buffer];
  view.columns = buffer.shape.back() - index;
  const int64_t inside = place.shared ? std::min(buffer.shape[0], place.rows) : block.rows;
  view.rows = unsigned(std::clamp<int64_t>(inside - row, 0, machine.arrayM));
  return view;
}

/// Whether no copy is on its way to these rows of shared memory, and something was written there.
bool Core::mayRead(const View &view, const Memory &place, uint64_t count, uint64_t bytes) {
  if (!place.shared)
    return true;
  for (uint64_t row = 0; row < count; ++row) {
    const uint8_t *first = status.data() + (view.data - shared.data()) + row * view.rowBytes;
    const uint8_t *found = std::find_if(first, first + bytes, [](uint8_t state) { return state != kThere; });
    if (found == first + bytes)
      continue;
    if (*found == kUnwritten)
      fail("reads bytes of shared memory that nothing has written");
    else
      fail("the copy into '" + Twine(kernel->buffers[&place - memory.data()].name) +
           "' has not been waited for; put 'wait " + Twine(*found - kOnItsWay) + "' before this");
    return false;
  }
  return true;
}

void Core::markWritten(const View &view, const Memory &place, uint64_t bytes) {
  if (place.shared)
    std::memset(status.data() + (view.data - shared.data()), kThere, bytes);
}

/// Whether no copy is on its way to a register that `i` names.
bool Core::registersMayBeUsed(const Instruction &i) {
  for (const RegisterUse &use : registersOf(i)) {
    const int32_t token = pending[static_cast<unsigned>(use.file)][use.index];
    if (token < 0)
      continue;
    fail("the copy into " + Twine(letterOf(use.file)) + Twine(use.index) +
         " has not been waited for; put 'wait " + Twine(token) + "' before this");
    return false;
  }
  return true;
}

/// Copies what is left of a box from `dimension` on; what is not `inside` of the source arrives as zeros.
void Core::copyBox(const Instruction &i, const LoopValues &loops, unsigned dimension, const char *from, char *to,
                   bool inside) {
  const Memory &source = memory[i.source.buffer], &target = memory[i.address.buffer];
  const int64_t extent = kernel->buffers[i.source.buffer].shape[dimension];
  const int64_t first = evaluate(i.source.indices[dimension], loops);
  const int64_t limit = inside ? std::clamp<int64_t>((extent == kDynamicRows ? block.rows : extent) - first, 0,
                                                     i.sizes[dimension])
                               : 0;
  if (dimension + 1 == i.sizes.size()) {
    const int64_t size = target.strides[dimension];
    if (limit > 0)
      std::memcpy(to, from, limit * size);
    std::memset(to + limit * size, 0, (i.sizes[dimension] - limit) * size);
    const size_t offset = to - shared.data(), bytes = i.sizes[dimension] * size;
    std::memset(status.data() + offset, kOnItsWay + i.token, bytes);
    copies[i.token].push_back({offset, bytes});
    return;
  }
  for (int64_t index = 0; index < i.sizes[dimension]; ++index)
    copyBox(i, loops, dimension + 1, from + index * source.strides[dimension], to + index * target.strides[dimension],
            index < limit);
}

void Core::copy(const Instruction &i, const LoopValues &loops) {
  const Memory &source = memory[i.source.buffer];
  Memory &target = memory[i.address.buffer];
  const char *from = source.data;
  char *to = target.data;
  for (auto [dimension, affine] : llvm::enumerate(i.source.indices))
    from += evaluate(affine, loops) * source.strides[dimension];
  for (auto [dimension, affine] : llvm::enumerate(i.address.indices))
    to += evaluate(affine, loops) * target.strides[dimension];
  for (unsigned token = 0; token < kTokens; ++token)
    for (auto [offset, bytes] : copies[token])
      if (int32_t(token) != i.token && shared.data() + offset < to + target.strides[0] * i.sizes[0] &&
          to < shared.data() + offset + bytes)
        return fail("a copy with another token is on its way there; put 'wait " + Twine(token) + "' before this");
  const int64_t first = evaluate(i.address.indices[0], loops), row = evaluate(i.source.indices[0], loops);
  const bool countsRows = kernel->buffers[i.source.buffer].shape[0] == kDynamicRows;
  target.rows = std::max(target.rows,
                         first + (countsRows ? std::clamp<int64_t>(block.rows - row, 0, i.sizes[0]) : i.sizes[0]));
  copyBox(i, loops, 0, from, to, true);
}

void Core::wait(int32_t token) {
  for (auto [offset, bytes] : copies[token])
    std::memset(status.data() + offset, kThere, bytes);
  copies[token].clear();
  if (anyPending)
    for (auto &file : pending)
      std::replace(file.begin(), file.end(), token, -1);
}

/// Completes a table of which the stored half is there.
void Core::expandTable(TableTile &tile, unsigned row, unsigned table, bool isFloat) {
  const unsigned stored = machine.stored();
  const size_t first = (size_t(row) * machine.tablesPerTile + table) * machine.entries();
  for (unsigned entry = 0; entry < stored; ++entry)
    if (isFloat)
      tile.f32[first + stored + entry] = -tile.f32[first + entry];
    else
      tile.ints[first + stored + entry] = -tile.ints[first + entry];
}

void Core::loadTable(const Instruction &i, const View &view) {
  TableTile &tile = tables[i.dst];
  tile.rows = view.rows;
  const unsigned stored = machine.stored();
  const int64_t size = sizeOf(i.type), pitch = i.pitch ? i.pitch : machine.entries();
  if (isFloat(i.type))
    std::fill(tile.f32.begin(), tile.f32.end(), 0.0f);
  else
    std::fill(tile.ints.begin(), tile.ints.end(), int16_t(0));
  for (unsigned row = 0; row < tile.rows; ++row)
    for (unsigned table = 0; table < i.tables; ++table) {
      const char *from = view.data + row * view.rowBytes + table * pitch * size;
      const size_t first = (size_t(row) * machine.tablesPerTile + table) * machine.entries();
      for (unsigned entry = 0; entry < stored; ++entry, from += size) {
        if (isFloat(i.type)) {
          tile.f32[first + entry] = loadElement(from, i.type);
        } else if (i.type == ElementType::I8) {
          tile.ints[first + entry] = int8_t(*from);
        } else {
          std::memcpy(&tile.ints[first + entry], from, sizeof(int16_t));
        }
      }
      expandTable(tile, row, table, isFloat(i.type));
    }
}

bool Core::load(const Instruction &i, const LoopValues &loops) {
  const View view = locate(i, loops);
  const Memory &place = memory[i.address.buffer];
  const int64_t size = sizeOf(kernel->buffers[i.address.buffer].type);
  /// Rows of `count` elements.
  auto readable = [&](int64_t count) { return mayRead(view, place, view.rows, count * size); };
  switch (i.opcode) {
  case Opcode::LoadTable:
    if (!readable((i.tables - 1) * (i.pitch ? i.pitch : machine.entries()) + machine.stored()))
      return false;
    loadTable(i, view);
    return true;
  case Opcode::LoadRows:
    if (!readable(1))
      return false;
    std::fill(rows[i.dst].begin(), rows[i.dst].end(), 0.0f);
    for (unsigned row = 0; row < view.rows; ++row)
      rows[i.dst][row] = loadElement(view.data + row * view.rowBytes, ElementType::F32);
    return true;
  case Opcode::LoadActs: {
    const unsigned count = unsigned(std::clamp<int64_t>(view.columns, 0, i.count));
    // Of a buffer without rows, all rows of the tile have the same.
    const bool isShared = i.address.indices.size() == 1;
    if (!mayRead(view, place, isShared ? 1 : view.rows, count * size))
      return false;
    ActTile &tile = acts[i.dst];
    tile.rows = isShared ? machine.arrayM : view.rows;
    std::fill(tile.values.begin(), tile.values.end(), 0.0f);
    for (unsigned row = 0; row < tile.rows; ++row)
      for (unsigned index = 0; index < count; ++index)
        tile.values[size_t(row) * machine.tablesPerTile * machine.arrayK + index] =
            loadElement(view.data + (isShared ? 0 : row * view.rowBytes) + index * size, i.type);
    return true;
  }
  case Opcode::LoadTile: {
    const unsigned count = unsigned(std::min<int64_t>(machine.arrayN, view.columns));
    if (!readable(count))
      return false;
    std::fill(f32[i.dst].begin(), f32[i.dst].end(), 0.0f);
    for (unsigned row = 0; row < view.rows; ++row)
      for (unsigned column = 0; column < count; ++column)
        f32[i.dst][size_t(row) * machine.arrayN + column] =
            loadElement(view.data + row * view.rowBytes + column * size, i.type);
    return true;
  }
  case Opcode::LoadWeights: {
    const size_t run = machine.planeBytes(i.tables), pitch = machine.planeBytes(machine.tablesPerTile);
    for (unsigned plane = 0; plane < i.planes; ++plane) {
      View part = view;
      part.data += plane * i.pitch;
      if (!mayRead(part, place, 1, run))
        return false;
      std::memcpy(&weights[i.dst][plane * pitch], part.data, run);
    }
    return true;
  }
  default: {
    const bool isTyped = i.type != ElementType::I8 && kernel->buffers[i.address.buffer].type == i.type;
    const unsigned count = isTyped ? unsigned(std::min<int64_t>(machine.arrayN, view.columns)) : machine.arrayN;
    if (!mayRead(view, place, 1, count * sizeOf(i.type)))
      return false;
    std::fill(cols[i.dst].begin(), cols[i.dst].end(), 0.0f);
    for (unsigned column = 0; column < count; ++column)
      cols[i.dst][column] = loadElement(view.data + column * sizeOf(i.type), i.type);
    return true;
  }
  }
}

void Core::store(const Instruction &i, const LoopValues &loops) {
  View view = locate(i, loops);
  const Memory &place = memory[i.address.buffer];
  // Shared memory has a place for every row; the launch's buffers for those inside only.
  const unsigned count =
      place.shared ? machine.arrayM
                   : unsigned(std::clamp<int64_t>(block.rows - evaluate(i.address.indices[0], loops), 0, machine.arrayM));
  const int64_t size = sizeOf(i.type);
  const unsigned n = machine.arrayN;
  if (place.shared)
    memory[i.address.buffer].rows =
        std::max(place.rows, std::min(block.rows, evaluate(i.address.indices[0], loops) + int64_t(count)));
  for (unsigned row = 0; row < count; ++row, view.data += view.rowBytes) {
    if (i.opcode == Opcode::StoreRows) {
      storeElement(view.data, rows[i.dst][row], ElementType::F32);
      markWritten(view, place, size);
    } else if (i.opcode == Opcode::Store) {
      const int64_t inside = std::min<int64_t>(n, view.columns);
      if (i.type == ElementType::F16)
        for (int64_t column = 0; column < inside; ++column)
          storeElement(view.data + column * size, f32[i.dst][row * n + column], i.type);
      else
        std::memcpy(view.data,
                    i.type == ElementType::I32 ? reinterpret_cast<const char *>(&i32[i.dst][row * n])
                                               : reinterpret_cast<const char *>(&f32[i.dst][row * n]),
                    inside * size);
      markWritten(view, place, inside * size);
    } else {
      const int64_t pitch = i.pitch ? i.pitch : machine.entries();
      for (unsigned table = 0; table < i.tables; ++table) {
        const size_t first = (size_t(row) * machine.tablesPerTile + table) * machine.entries();
        View part = view;
        part.data += table * pitch * size;
        for (unsigned entry = 0; entry < machine.stored(); ++entry)
          storeElement(part.data + entry * size,
                       isFloat(i.type) ? tables[i.dst].f32[first + entry] : float(tables[i.dst].ints[first + entry]),
                       i.type);
        markWritten(part, place, machine.stored() * size);
      }
    }
  }
}

/// Runs one instruction; false when it must not.
bool Core::step(const Instruction &i, const LoopValues &loops) {
  if (anyPending && i.opcode != Opcode::Wait && !registersMayBeUsed(i))
    return false;
  switch (i.opcode) {
  case Opcode::Loop:
  case Opcode::End: return true;
  case Opcode::Wait: wait(i.token); return true;
  case Opcode::Copy: copy(i, loops); return failure.empty();
  case Opcode::Lmma: lmma(i); return true;
  case Opcode::Sum:
  case Opcode::SumMore: sums(i); return true;
  case Opcode::Amax:
  case Opcode::AmaxMore: greatest(i); return true;
  case Opcode::TableScale: tableScale(i); return true;
  case Opcode::Precompute:
  case Opcode::Quantize: makeTables(i); return true;
  case Opcode::Squares:
  case Opcode::SquaresMore:
  case Opcode::Norm:
  case Opcode::MulActs:
  case Opcode::ScaleActs: normalize(i); return true;
  default: break;
  }
  if (isStore(i.opcode)) {
    store(i, loops);
    return true;
  }
  if (!isLoad(i.opcode)) {
    vector(i);
    return true;
  }
  if (!load(i, loops))
    return false;
  if (i.token >= 0) {
    pending[static_cast<unsigned>(registersOf(i)[0].file)][i.dst] = i.token;
    anyPending = true;
  }
  return true;
}
