//===- SampleHash.cpp - a hash of a part of a large file ------------------===//
#include "lutra/Support/SampleHash.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/xxhash.h"

using namespace llvm;

uint64_t lutra::sampleHash(StringRef bytes) {
  constexpr size_t block = size_t(1) << 20, sample = size_t(4) << 10;
  SmallVector<char> hashes;
  auto take = [&](StringRef part) {
    char hash[8];
    support::endian::write64le(hash, xxh3_64bits(part));
    hashes.append(hash, hash + sizeof(hash));
  };
  take(bytes.take_front(block));
  // The place in a block moves on by an odd number of samples, so that what repeats every so many bytes is not always hit alike.
  for (size_t i = 1; i * block < bytes.size(); ++i)
    take(bytes.substr(i * block + i * 97 % (block / sample) * sample, sample));
  take(bytes.take_back(sample));
  return xxh3_64bits(StringRef(hashes.data(), hashes.size()));
}
