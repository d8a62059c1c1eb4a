//===- Products.cpp - compiled products, called in turn -------------------===//
#include "Products.h"

#include <dlfcn.h>
#include <random>

using namespace lutra::bench;

static constexpr int32_t elementF32 = 1;

bool Library::load(const char *path, std::string &error) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    error = dlerror();
    return false;
  }
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    if (!function)
      error = std::string("'") + path + "' has no " + name;
    return function != nullptr;
  };
  return find(free, "lutraFree") && find(open, "lutraSessionOpen") && find(close, "lutraSessionClose") &&
         find(setThreads, "lutraSessionSetThreads") && find(run, "lutraSessionRun");
}

/// The message of a failed call, which is freed.
static std::string take(const Library &library, char *message) {
  std::string text = message ? message : "the call failed without a message";
  library.free(message);
  return text;
}

std::unique_ptr<Product> Product::open(const Library &library, const std::string &artifact, int copies, int64_t cols,
                                       int64_t rows, std::string &error) {
  std::unique_ptr<Product> product(new Product(library));
  product->inputSizes[1] = cols;
  product->outputSizes[1] = rows;
  for (int copy = 0; copy < copies; ++copy) {
    LutraSession *session = nullptr;
    char *message = nullptr;
    // The copies are made of one artifact: hashing all of them would only take time.
    if (library.open((artifact + "/" + std::to_string(copy)).c_str(), LUTRA_SKIP_HASHES, &session, &message)) {
      error = take(library, message);
      return nullptr;
    }
    product->sessions.push_back(session);
  }
  return product;
}

Product::~Product() {
  for (LutraSession *session : sessions)
    library.close(session);
}

void Product::setThreads(int threads) {
  for (LutraSession *session : sessions)
    library.setThreads(session, threads);
}

void Product::setActivations(int64_t rows) {
  if (inputSizes[0] == rows)
    return;
  inputSizes[0] = outputSizes[0] = rows;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  activations.resize(rows * inputSizes[1]);
  for (float &value : activations)
    value = normal(random);
  result.assign(rows * outputSizes[1], 0.0f);
}

bool Product::run(std::string &error) {
  LutraTensor input = {activations.data(), elementF32, 2, inputSizes, nullptr};
  LutraTensor output = {result.data(), elementF32, 2, outputSizes, nullptr};
  char *message = nullptr;
  const bool failed = library.run(sessions[next], &input, 1, &output, 1, &message) != 0;
  next = next + 1 == sessions.size() ? 0 : next + 1;
  if (failed)
    error = take(library, message);
  return !failed;
}
