//===- ModelReader.cpp - the bytes of a model to protobuf messages --------===//
//
// protobuf copies every `bytes` field and parses no message over 2 GiB. A model may hold gigabytes of weights in its
// initializers' raw_data, so those fields are cut out first, by a walk over the wire format that stops at the
// initializers; protobuf then parses a skeleton of a few megabytes, and the weights stay where they are mapped.
//
//===----------------------------------------------------------------------===//
#include "ModelReader.h"

#include <climits>

using namespace lutra::frontend;

namespace {

/// Field numbers of ONNX's schema on the way to raw_data.
enum : uint64_t { ModelGraph = 7, GraphInitializer = 5, TensorRawData = 9 };

enum WireType { Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5 };

/// A reader of protobuf's wire format; every method returns false at a malformed or missing byte.
class WireReader {
public:
  explicit WireReader(llvm::StringRef bytes) : rest(bytes) {}

  bool atEnd() const { return rest.empty(); }

  bool varint(uint64_t &value) {
    value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (rest.empty())
        return false;
      uint8_t byte = rest.front();
      rest = rest.drop_front();
      if (shift < 64)
        value |= uint64_t(byte & 0x7f) << shift;
      if (!(byte & 0x80))
        return true;
    }
    return false;
  }

  bool take(uint64_t size, llvm::StringRef &bytes) {
    if (size > rest.size())
      return false;
    bytes = rest.take_front(size);
    rest = rest.drop_front(size);
    return true;
  }

  /// The next field: its number, wire type, the whole of it (tag included) and, if length delimited, its body.
  bool field(uint64_t &number, unsigned &wireType, llvm::StringRef &whole, llvm::StringRef &body) {
    const char *begin = rest.data();
    uint64_t tag, value;
    if (!varint(tag) || tag >> 3 == 0 || tag > UINT32_MAX)
      return false;
    number = tag >> 3;
    wireType = tag & 7;
    bool ok = false;
    switch (wireType) {
    case Varint: ok = varint(value); break;
    case Fixed64: ok = take(8, body); break;
    case LengthDelimited: ok = varint(value) && take(value, body); break;
    case Fixed32: ok = take(4, body); break;
    default: break; // Groups: ONNX has none.
    }
    whole = llvm::StringRef(begin, rest.data() - begin);
    return ok;
  }

private:
  llvm::StringRef rest;
};

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(char(value | 0x80));
  out.push_back(char(value));
}

void appendMessage(std::string &out, uint64_t number, llvm::StringRef body) {
  appendVarint(out, number << 3 | LengthDelimited);
  appendVarint(out, body.size());
  out.append(body.data(), body.size());
}

/// Copies the message `bytes` to `out`; the body of each field `number` is given to `replace` instead, which returns
/// whether it succeeded.
template <typename Fn>
bool copyExcept(llvm::StringRef bytes, uint64_t number, std::string &out, Fn replace) {
  WireReader reader(bytes);
  while (!reader.atEnd()) {
    uint64_t found;
    unsigned wireType;
    llvm::StringRef whole, body;
    if (!reader.field(found, wireType, whole, body))
      return false;
    if (found == number && wireType == LengthDelimited) {
      if (!replace(body))
        return false;
    } else {
      out.append(whole.data(), whole.size());
    }
  }
  return true;
}

} // namespace

bool lutra::frontend::splitRawData(llvm::StringRef model, std::string &skeleton,
                                   std::vector<std::optional<llvm::StringRef>> &rawData) {
  return copyExcept(model, ModelGraph, skeleton, [&](llvm::StringRef graph) {
    std::string graphBytes;
    bool ok = copyExcept(graph, GraphInitializer, graphBytes, [&](llvm::StringRef tensor) {
      std::string tensorBytes;
      std::optional<llvm::StringRef> raw;
      bool ok = copyExcept(tensor, TensorRawData, tensorBytes, [&](llvm::StringRef bytes) {
        raw = bytes;
        return true;
      });
      rawData.push_back(raw);
      appendMessage(graphBytes, GraphInitializer, tensorBytes);
      return ok;
    });
    appendMessage(skeleton, ModelGraph, graphBytes);
    return ok;
  });
}

std::shared_ptr<const ONNXModel> lutra::frontend::readModel(const ImportContext &import) {
  llvm::Expected<std::shared_ptr<const MappedFile>> file = MappedFile::open(import.path);
  if (!file) {
    import.error() << llvm::toString(file.takeError());
    return nullptr;
  }
  auto invalid = [&](llvm::StringRef why) {
    import.error() << "not a valid ONNX model (truncated or corrupt: " << why << ")";
    return nullptr;
  };
  auto model = std::make_shared<ONNXModel>();
  model->file = *file;
  llvm::StringRef bytes = model->file->bytes();
  if (bytes.empty())
    return invalid("the file is empty");

  std::string skeleton;
  if (!splitRawData(bytes, skeleton, model->rawData))
    return invalid("the protobuf message breaks off or is malformed");
  if (skeleton.size() > INT_MAX) {
    import.error() << "the model without its initializers' raw data has " << skeleton.size()
                   << " bytes, and protobuf reads at most 2 GiB: store large tensors as raw or external data";
    return nullptr;
  }
  if (!model->proto.ParseFromArray(skeleton.data(), int(skeleton.size())))
    return invalid("the protobuf message does not follow ONNX's schema");
  if (!model->proto.has_graph())
    return invalid("it holds no graph");
  if (!model->proto.has_ir_version())
    return invalid("it states no ir_version");
  if (model->proto.opset_import_size() == 0)
    return invalid("it imports no opset");
  if (model->rawData.size() != size_t(model->proto.graph().initializer_size()))
    return invalid("its initializers are malformed");
  return model;
}
