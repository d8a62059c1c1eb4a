//===- DType.cpp - names and sizes of element types -----------------------===//
//
// One table; every query is a look into it.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/DType.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ErrorHandling.h"

using namespace lutra;

namespace {
struct Row {
  DType dtype;
  llvm::StringLiteral name;
  llvm::StringLiteral safetensors;
  int64_t size;
};
} // namespace

static constexpr Row rows[] = {
    {DType::F32, "f32", "F32", 4},    {DType::F64, "f64", "F64", 8}, {DType::F16, "f16", "F16", 2},
    {DType::BF16, "bf16", "BF16", 2}, {DType::I8, "i8", "I8", 1},    {DType::I16, "i16", "I16", 2},
    {DType::I32, "i32", "I32", 4},    {DType::I64, "i64", "I64", 8}, {DType::U8, "u8", "U8", 1},
    {DType::U16, "u16", "U16", 2},    {DType::U32, "u32", "U32", 4}, {DType::U64, "u64", "U64", 8},
    {DType::Bool, "bool", "BOOL", 1}, {DType::E4M3, "e4m3", "F8_E4M3", 1}, {DType::E4M3FNUZ, "e4m3fnuz", "", 1},
    {DType::E5M2, "e5m2", "F8_E5M2", 1}, {DType::E5M2FNUZ, "e5m2fnuz", "", 1}, {DType::E8M0, "e8m0", "F8_E8M0", 1},
    {DType::E2M1, "e2m1", "", 1}, {DType::I4, "i4", "", 1}, {DType::U4, "u4", "", 1}, {DType::I2, "i2", "", 1},
    {DType::U2, "u2", "", 1},
};

static const Row &rowOf(DType dtype) {
  const Row *row = llvm::find_if(rows, [&](const Row &r) { return r.dtype == dtype; });
  if (row == std::end(rows))
    llvm::report_fatal_error("not a dtype");
  return *row;
}

template <typename Pred>
static std::optional<DType> findDType(Pred &&matches) {
  const Row *row = llvm::find_if(rows, matches);
  return row == std::end(rows) ? std::nullopt : std::optional<DType>(row->dtype);
}

llvm::StringRef lutra::dtypeName(DType dtype) { return rowOf(dtype).name; }

int64_t lutra::dtypeSize(DType dtype) { return rowOf(dtype).size; }

llvm::StringRef lutra::dtypeSafetensorsName(DType dtype) { return rowOf(dtype).safetensors; }

std::optional<DType> lutra::dtypeFromName(llvm::StringRef name) {
  return findDType([&](const Row &row) { return row.name == name; });
}

std::optional<DType> lutra::dtypeFromCode(int32_t code) {
  return findDType([&](const Row &row) { return static_cast<int32_t>(row.dtype) == code; });
}

std::optional<DType> lutra::dtypeFromSafetensorsName(llvm::StringRef name) {
  return findDType([&](const Row &row) { return !name.empty() && row.safetensors == name; });
}
