//===- Times.cpp - the paper's times, by the tile model -------------------===//
#include "Figures.h"

#include "lutra/Simulator/Area.h"
#include "lutra/Simulator/TileModel.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>

using namespace lutra;
using namespace lutra::ltc;
using llvm::Error;
using llvm::Expected;

namespace {
/// A row of table 1.
struct Row {
  const char *name, *machine, *model;
  ProductTypes types;
  double prefillMs, decodeMs, peakTera;
};
} // namespace

static const Step kPrefill{true, 1, 2048, 2048};
/// "BS1024 SEQ1": a step of 1024 sequences that have no context yet.
static const Step kDecode{false, 1024, 1, 1};

static Error addTable1(Figures &figures) {
  const Row rows[] = {
      {"A100 FP16 TC, LLAMA 3B W16A16", "a100", "llama-3b", f16Product(), 106.71, 41.15, 312},
      {"A100 INT8 TC, BitNet 3B W2A8", "a100", "bitnet-3b", i8Product(), 67.06, 21.70, 624},
      {"A100-LUT-4X, BitNet 3B W2A8", "a100-lut-4x", "bitnet-3b", lookupProduct(2), 42.49, 11.41, 1248},
      {"A100-LUT-8X, BitNet 3B W2A8", "a100-lut-8x", "bitnet-3b", lookupProduct(2), 38.02, 7.47, 2496},
      {"H100 FP8 TC, BitNet 3B WFP8 AFP8", "h100", "bitnet-3b", f8Product(), 38.20, 12.30, 1525},
      {"H100-LUT-4X, BitNet 3B W2 AFP8", "h100-lut-4x", "bitnet-3b", lookupProduct(2), 28.70, 9.90, 1525},
      {"H100-LUT-8X, BitNet 3B W2 AFP8", "h100-lut-8x", "bitnet-3b", lookupProduct(2), 23.48, 5.97, 3049},
  };
  for (const Row &row : rows) {
    Expected<Accelerator> machine = loadAccelerator(row.machine);
    if (!machine)
      return machine.takeError();
    Expected<ModelShape> model = modelShape(row.model);
    if (!model)
      return model.takeError();
    const llvm::Twine name(row.name);
    figures.add("Table 1", name + ", BS1 SEQ2048", "ms",
                predictModel(*model, kPrefill, row.types, *machine).seconds * 1e3, row.prefillMs);
    figures.add("Table 1", name + ", BS1024 SEQ1", "ms",
                predictModel(*model, kDecode, row.types, *machine).seconds * 1e3, row.decodeMs);
    figures.add("Table 1", name + ", peak", "TOPS",
                machine->peak(*machine->unit(row.types.unit), row.types.weightBits) * 1e-12, row.peakTera);
  }
  return Error::success();
}

/// f16 operations on an element: a table has 12 additions for its group of 4, 3 more for its largest entry (the sum of
/// the magnitudes, since all signs occur), and a product for each of its 8 entries, which are then converted to i8 at
/// the rate of f32. A norm has (in f32) a sum, a sum of squares, a centring and a scaling; SwiGLU 4 and two of the
/// special functions, which run at a quarter of the rate.
static constexpr double kTableOperations = (12 + 3 + 8) / 4.0, kTableConversions = 8 / 4.0, kNormOperations = 4,
                        kActivationOperations = 12;

/// Seconds of the vector units for `elements` with tables and `own` f32 operations.
static double vectorSeconds(double elements, double own, const Accelerator &machine) {
  return elements * (kTableOperations / machine.vectorF16OperationsPerSecond() +
                     (kTableConversions + own) / machine.vectorOperationsPerSecond()) +
         machine.launchMicroseconds * 1e-6;
}

/// Seconds that making tables adds to a layer, as a kernel of its own before each product.
static double separateTables(const std::vector<TileKernel> &layer, double rows, const Accelerator &machine) {
  double sum = 0;
  for (const TileKernel &product : layer) {
    if (product.kind != TileKernel::Product || product.types.unit != "lut")
      continue;
    const double elements = rows * double(product.k);
    TileKernel kernel;
    // f16 activations in, tables out.
    kernel.operands = {elements * 2, elements * product.types.sharedActivationBytes};
    sum += std::max(predict(kernel, machine).seconds, vectorSeconds(elements, 0, machine));
  }
  return sum;
}

/// The same within the kernels that make the activations (two norms, the attention, the activation), shared by the
/// products that read them: more bytes out, and operations that hide behind the kernel's bytes as far as they can.
static double fusedTables(const std::vector<TileKernel> &layer, const ModelShape &model, double rows,
                          const ProductTypes &types, const Accelerator &machine) {
  double sum = 0;
  for (const TileKernel &producer : layer) {
    const bool norm = producer.kind == TileKernel::Norm, activation = producer.name == "activate";
    if (!norm && !activation && producer.name != "values" && producer.name != "attention")
      continue;
    const double elements = rows * double(activation ? model.ffn : model.hidden);
    TileKernel extra = producer;
    if (producer.kind == TileKernel::Product)
      // The vector unit is idle beside the products: only the bytes count.
      extra.types.outputBytes += types.sharedActivationBytes - types.activationBytes;
    else
      extra.operands.back() += elements * (types.sharedActivationBytes - types.activationBytes);
    const double own = norm ? kNormOperations : activation ? kActivationOperations : 0;
    const double compute = producer.kind == TileKernel::Product ? 0 : vectorSeconds(elements, own, machine);
    sum += std::max(predict(extra, machine).seconds, compute) - predict(producer, machine).seconds;
  }
  return sum;
}

static double precomputeShare(const ModelShape &model, const Step &step, const Accelerator &machine, bool fused) {
  const ProductTypes types = lookupProduct(1);
  const double rows = double(step.rows());
  const std::vector<TileKernel> kernels = fusedLayer(model, step, types);
  const double tables =
      fused ? fusedTables(kernels, model, rows, types, machine) : separateTables(kernels, rows, machine);
  return tables / (predict(kernels, machine).seconds + tables);
}

static Error addTable4(Figures &figures) {
  Expected<Accelerator> machine = loadAccelerator("a100-lut-4x");
  if (!machine)
    return machine.takeError();
  const double paper[2][2] = {{16.47, 2.62}, {24.41, 2.52}};
  for (bool decode : {false, true})
    for (bool fused : {false, true}) {
      double sum = 0;
      for (const char *name : {"opt-175b", "bloom-176b", "llama2-70b"}) {
        Expected<ModelShape> model = modelShape(name);
        if (!model)
          return model.takeError();
        sum += precomputeShare(*model, decode ? kDecode : kPrefill, *machine, fused);
      }
      figures.add("Table 4",
                  llvm::Twine("precompute share, ") + (decode ? "decode, " : "prefill, ") +
                      (fused ? "fused and shared" : "a kernel for each product"),
                  "%", 100 * sum / 3, paper[decode][fused]);
    }
  return Error::success();
}

/// LLAMA2-13B's product by each size of the array; the paper gives the MAC core's speed as reached by an array of 14.3
/// % of its area.
static Error addFigure15(Figures &figures) {
  TileKernel kernel;
  kernel.kind = TileKernel::Product;
  kernel.m = 2048, kernel.n = 27648, kernel.k = 5120;
  kernel.types = f16Product();
  Expected<Accelerator> base = loadAccelerator("a100");
  if (!base)
    return base.takeError();
  const double mac = predict(kernel, *base).seconds;
  figures.add("Fig. 15", "A100 FP16 TC, M2048 N27648 K5120", "TFLOPS", predict(kernel, *base).flops / mac * 1e-12);
  // Tables of f16 entries: 8 of 2 bytes for 4 activations.
  kernel.types = lookupProduct(1);
  kernel.types.activationBytes = 2;
  kernel.types.sharedActivationBytes = 4;
  for (unsigned factor : {1u, 2u, 4u, 8u}) {
    Expected<Accelerator> machine = loadAccelerator(("a100-lut-" + llvm::Twine(factor) + "x").str());
    if (!machine)
      return machine.takeError();
    TileTime time = predict(kernel, *machine);
    // The paper's text says "slightly above" for the array of the next entry; it prints no number.
    figures.add("Fig. 15", "A100-LUT-" + llvm::Twine(factor) + "X W1A16, speed over the MAC core", "x",
                mac / time.seconds);
  }
  const UnitCosts costs;
  const double array = gatesOf({2, 64, 4, 1, 16, kF16}, costs).total();
  figures.add("Fig. 15", "area of the 1X array over the FP16 core's", "%",
              100 * array / (f16TensorCore(costs).gatesPerMac * 256), 14.3);
  return Error::success();
}

static Error addFigure17(Figures &figures) {
  Expected<Accelerator> base = loadAccelerator("a100");
  if (!base)
    return base.takeError();
  double best = 0;
  for (const char *machineName : {"a100-lut-4x", "a100-lut-8x"}) {
    Expected<Accelerator> machine = loadAccelerator(machineName);
    if (!machine)
      return machine.takeError();
    for (const char *name : {"opt-175b", "bloom-176b", "llama2-70b"})
      for (const Step &step : {kPrefill, kDecode}) {
        Expected<ModelShape> model = modelShape(name);
        if (!model)
          return model.takeError();
        const double before = predict(fusedLayer(*model, step, f16Product()), *base).seconds;
        const double after = predict(fusedLayer(*model, step, lookupProduct(1)), *machine).seconds;
        figures.add("Fig. 17",
                    llvm::Twine(name) + " W1A8 on " + machineName + (step.prefill ? ", BS1 SEQ2048" : ", BS1024 SEQ1") +
                        ", over W16A16",
                    "x", before / after);
        best = std::max(best, before / after);
      }
  }
  figures.add("Fig. 17", "the most of these", "x", best, 8.2);
  return Error::success();
}

static Error addFigure19(Figures &figures) {
  const std::pair<const char *, ProductTypes> rows[] = {{"a100", f16Product()},
                                                        {"a100", i8Product()},
                                                        {"a100-lut-4x", lookupProduct(1)},
                                                        {"a100-lut-8x", lookupProduct(1)}};
  for (const auto &[name, types] : rows) {
    Expected<Accelerator> machine = loadAccelerator(name);
    if (!machine)
      return machine.takeError();
    const double peak = machine->peak(*machine->unit(types.unit), types.weightBits);
    figures.add("Fig. 19", llvm::Twine(name) + " " + types.unit + ", ridge of the roofline", "op/byte",
                peak / (machine->dramGBps * 1e9));
    for (int64_t rowsOfA : {1, 64, 1024}) {
      TileKernel kernel;
      kernel.kind = TileKernel::Product;
      kernel.m = rowsOfA, kernel.n = 28672, kernel.k = 8192;
      kernel.types = types;
      TileTime time = predict(kernel, *machine);
      figures.add("Fig. 19",
                  llvm::Twine(name) + " " + types.unit + ", up projection of LLAMA2-70B, M " + llvm::Twine(rowsOfA),
                  "TOPS", time.flops / time.seconds * 1e-12);
    }
  }
  return Error::success();
}

Error lutra::addTimes(Figures &figures) {
  for (Error (*add)(Figures &) : {addTable1, addTable4, addFigure15, addFigure17, addFigure19})
    if (Error error = add(figures))
      return error;
  return Error::success();
}
