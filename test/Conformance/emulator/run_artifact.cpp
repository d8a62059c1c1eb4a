//===- run_artifact.cpp - runs a compiled model without lib/Runtime -------===//
//
// For emulated machines: needs nothing but the C++ library. Reads a request of lines from stdin:
//
//   library <model.so>                     weights <weights.safetensors> <data offset>
//   threads <n>
//   input <bytes of an element> <dims,comma-separated; - of a scalar> <raw file>
//   output <bytes of an element> <dims> <raw file>
//   run                                    on the inputs and outputs since the last run; writes the outputs
//
// The ABI is the one of lib/Runtime/Library.h, version 1.
//
//===----------------------------------------------------------------------===//
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {
[[noreturn]] void fail(const std::string &message) {
  std::cerr << "run_artifact: " << message << "\n";
  std::exit(1);
}

/// A contiguous array and its memref descriptor.
struct Array {
  std::vector<char> bytes;
  std::vector<int64_t> descriptor;
  std::string path;

  Array(int64_t elementBytes, const std::string &dims, std::string file) : path(std::move(file)) {
    std::vector<int64_t> sizes;
    std::istringstream text(dims);
    for (std::string size; dims != "-" && std::getline(text, size, ',');)
      sizes.push_back(std::stoll(size));
    int64_t elements = 1;
    std::vector<int64_t> strides(sizes.size());
    for (size_t i = sizes.size(); i-- > 0;) {
      strides[i] = elements;
      elements *= sizes[i];
    }
    bytes.resize(elements * elementBytes);
    auto address = reinterpret_cast<int64_t>(bytes.data());
    descriptor = {address, address, 0};
    descriptor.insert(descriptor.end(), sizes.begin(), sizes.end());
    descriptor.insert(descriptor.end(), strides.begin(), strides.end());
  }

  void read() {
    std::ifstream file(path, std::ios::binary);
    if (!file.read(bytes.data(), bytes.size()))
      fail("'" + path + "' has fewer than " + std::to_string(bytes.size()) + " bytes");
  }
  void write() const {
    std::ofstream file(path, std::ios::binary);
    if (!file.write(bytes.data(), bytes.size()))
      fail("cannot write '" + path + "'");
  }
};

/// A compiled model with its weights mapped.
struct Model {
  void *handle = nullptr;
  int64_t weights[5] = {0, 0, 0, 0, 1};

  void load(const std::string &path) {
    handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle)
      fail(dlerror());
    if (*static_cast<const int32_t *>(symbol("lutra_abi_version")) != 1)
      fail("'" + path + "' is not of ABI version 1");
  }

  void *symbol(const char *name) const {
    void *found = handle ? dlsym(handle, name) : nullptr;
    if (!found)
      fail(std::string("no symbol ") + name);
    return found;
  }

  void mapWeights(const std::string &path, int64_t offset) {
    int fd = open(path.c_str(), O_RDONLY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
      fail("cannot open '" + path + "'");
    void *base = mmap(nullptr, info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (base == MAP_FAILED)
      fail("cannot map '" + path + "'");
    close(fd);
    weights[0] = weights[1] = reinterpret_cast<int64_t>(base) + offset;
    weights[3] = info.st_size - offset;
  }

  void run(std::vector<Array> &inputs, std::vector<Array> &outputs) {
    std::vector<void *> arguments{weights};
    for (Array &input : inputs) {
      input.read();
      arguments.push_back(input.descriptor.data());
    }
    for (Array &output : outputs)
      arguments.push_back(output.descriptor.data());
    auto *status = static_cast<int32_t *>(symbol("lutra_status"));
    status[0] = status[1] = 0;
    reinterpret_cast<void (*)(void **)>(symbol("lutra_main"))(arguments.data());
    if (status[0] != 0)
      fail("the model stopped at its check number " + std::to_string(status[0]));
    for (const Array &output : outputs)
      output.write();
  }
};
} // namespace

int main() {
  Model model;
  std::vector<Array> inputs, outputs;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string word, path, dims;
    int64_t number = 0;
    words >> word;
    if (word == "library" && words >> path) {
      model.load(path);
    } else if (word == "weights" && words >> path >> number) {
      model.mapWeights(path, number);
    } else if (word == "threads" && words >> number) {
      reinterpret_cast<void (*)(int)>(model.symbol("omp_set_num_threads"))(number);
    } else if ((word == "input" || word == "output") && words >> number >> dims >> path) {
      (word == "input" ? inputs : outputs).emplace_back(number, dims, path);
    } else if (word == "run") {
      model.run(inputs, outputs);
      inputs.clear();
      outputs.clear();
    } else {
      fail("cannot read the line '" + line + "'");
    }
  }
  return 0;
}
