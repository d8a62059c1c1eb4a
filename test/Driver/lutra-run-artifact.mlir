// A compiled model, and every way in which its artifact or its arrays can be wrong: one message, exit code 1.

// RUN: rm -rf %t && mkdir -p %t
// RUN: lutrac %s -o %t/good.lutra
// RUN: %python -c "import numpy as n; n.save('%t/a.npy', n.arange(32, dtype='f4').reshape(2, 16)); n.save('%t/b.npy', n.array([[1, 1], [2, 2]], 'f4'))"
// RUN: lutra-run %t/good.lutra --input a=%t/a.npy --input b=%t/b.npy --output-dir=%t/out --threads=2 | FileCheck %s --check-prefix=SHAPE
// RUN: lutra-run --interpret %s --input a=%t/a.npy --input b=%t/b.npy --output-dir=%t/reference
// RUN: cmp %t/out/y.npy %t/reference/y.npy
// SHAPE: output y: 2x2 f32

// RUN: not lutra-run %t/good.lutra --input a=%t/a.npy --input b=%t/b.npy --device-report 2>&1 | FileCheck %s --check-prefix=DEVICE
// DEVICE: lutra-run: error: --device-report: '{{.*}}good.lutra' uses no modelled device; compile it with --target=ltc

// RUN: lutra-run %t/good.lutra --input a=%t/a.npy --input b=%t/b.npy --repeat=3 | FileCheck %s --check-prefix=REPEAT
// REPEAT: runs 3: min {{.*}} ms, median {{.*}} ms, max {{.*}} ms

// RUN: lutra-run %t/good.lutra --describe | FileCheck %s --check-prefix=DESCRIBE
// DESCRIBE: input a: rows x 16 f32
// DESCRIBE: input b: rows x 2 f32
// DESCRIBE: output y: rows x 2 f32

// Arrays.
// RUN: %python -c "import numpy as n; n.save('%t/i.npy', n.zeros((2, 16), 'i4')); n.save('%t/wide.npy', n.zeros((2, 17), 'f4')); n.save('%t/three.npy', n.zeros((3, 2), 'f4')); n.save('%t/flat.npy', n.zeros(16, 'f4'))"
// RUN: not lutra-run %t/good.lutra --input a=%t/i.npy --input b=%t/b.npy 2>&1 | FileCheck %s --check-prefix=DTYPE
// DTYPE: lutra-run: error: input 'a' has element type i32, expected f32
// RUN: not lutra-run %t/good.lutra --input a=%t/wide.npy --input b=%t/b.npy 2>&1 | FileCheck %s --check-prefix=WIDE
// WIDE: lutra-run: error: input 'a' has shape 2x17, expected rows x 16
// RUN: not lutra-run %t/good.lutra --input a=%t/flat.npy --input b=%t/b.npy 2>&1 | FileCheck %s --check-prefix=RANK
// RANK: lutra-run: error: input 'a' has shape 16 (rank 1), expected rows x 16 (rank 2)
// RUN: not lutra-run %t/good.lutra --input a=%t/a.npy --input b=%t/three.npy 2>&1 | FileCheck %s --check-prefix=CONFLICT
// CONFLICT: lutra-run: error: dimension 'rows' is 2 in input 'a', but 3 in input 'b'

// Weights.
// RUN: cp -r %t/good.lutra %t/short.lutra
// RUN: %python -c "f = open('%t/short.lutra/weights.safetensors', 'r+b'); f.truncate(4100)"
// RUN: not lutra-run %t/short.lutra --describe 2>&1 | FileCheck %s --check-prefix=SHORT
// SHORT: lutra-run: error: '{{.*}}weights.safetensors' has 4100 bytes, but manifest.json says {{[0-9]+}}: the file is truncated
// RUN: cp -r %t/good.lutra %t/altered.lutra
// RUN: %python -c "f = open('%t/altered.lutra/weights.safetensors', 'r+b'); f.seek(4096); b = f.read(1)[0]; f.seek(4096); f.write(bytes([b ^ 1]))"
// RUN: not lutra-run %t/altered.lutra --describe 2>&1 | FileCheck %s --check-prefix=ALTERED
// ALTERED: lutra-run: error: '{{.*}}weights.safetensors' was altered: its xxh3 is {{[0-9a-f]+}}, but manifest.json says {{[0-9a-f]+}}
// RUN: lutra-run %t/altered.lutra --describe --skip-hashes
// RUN: not lutra-run %t/altered.lutra --verify 2>&1 | FileCheck %s --check-prefix=ALTERED
// RUN: lutra-run %t/good.lutra --verify | FileCheck %s --check-prefix=VERIFIED
// VERIFIED: good.lutra: every byte is as manifest.json says
// RUN: not lutra-run %t/good.lutra --verify --skip-hashes 2>&1 | FileCheck %s --check-prefix=EITHER
// EITHER: lutra-run: error: --verify checks the files of an artifact: it does not go with --skip-hashes or --interpret
// RUN: rm %t/altered.lutra/weights.safetensors
// RUN: not lutra-run %t/altered.lutra --describe 2>&1 | FileCheck %s --check-prefix=NOWEIGHTS
// NOWEIGHTS: lutra-run: error: cannot open '{{.*}}weights.safetensors': No such file or directory

// The machine and the ABI.
// RUN: cp -r %t/good.lutra %t/cpu.lutra
// RUN: %python -c "import json; p = '%t/cpu.lutra/manifest.json'; m = json.load(open(p)); m['target']['features'].append('avx9000'); json.dump(m, open(p, 'w'))"
// RUN: not lutra-run %t/cpu.lutra --describe 2>&1 | FileCheck %s --check-prefix=CPU
// CPU: lutra-run: error: '{{.*}}manifest.json': compiled for CPU '{{.*}}', but this machine lacks avx9000: compile the model again with --target-option=cpu.mcpu=native
// RUN: cp -r %t/good.lutra %t/abi.lutra
// RUN: %python -c "import json; p = '%t/abi.lutra/manifest.json'; m = json.load(open(p)); m['abi_version'] = 2; json.dump(m, open(p, 'w'))"
// RUN: not lutra-run %t/abi.lutra --describe 2>&1 | FileCheck %s --check-prefix=ABI
// ABI: lutra-run: error: '{{.*}}manifest.json': the artifact has ABI version 2, but this runtime speaks version 1

#id = affine_map<(i, j) -> (i, j)>

func.func @main(%a: tensor<?x16xf32> {onnx.name = "a", onnx.dims = ["rows", "16"]},
                %b: tensor<?x2xf32> {onnx.name = "b", onnx.dims = ["rows", "2"]},
                %out: memref<?x2xf32, strided<[?, 1], offset: ?>> {onnx.name = "y", onnx.dims = ["rows", "2"], lutra.output}) {
  %w = lowbit.weight {codes = dense<[[[1, 35, 69, 103, 1, 35, 69, 103]], [[9, 8, 7, 6, 5, 4, 3, 2]]]> : tensor<2x1x8xi8>,
                      scales = dense<[[0.5], [0.25]]> : tensor<2x1xf32>}
      : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
  %p = lowbit.reinterpret %w : !lowbit.weight<2x16, #lowbit.uniform<bits = 4, group = 16>>
      to !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
  %y = lowbit.matmul %a, %p : tensor<?x16xf32>, !lowbit.weight<2x16, #lowbit.bipolar<planes = 4, group = 16, zeta = -1.0 : f32>>
      -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %m = tensor.dim %a, %c0 : tensor<?x16xf32>
  %empty = tensor.empty(%m) : tensor<?x2xf32>
  %sum = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%y, %b : tensor<?x2xf32>, tensor<?x2xf32>) outs(%empty : tensor<?x2xf32>) {
  ^bb0(%p0: f32, %q: f32, %o: f32):
    %s = arith.addf %p0, %q : f32
    linalg.yield %s : f32
  } -> tensor<?x2xf32>
  bufferization.materialize_in_destination %sum in restrict writable %out
      : (tensor<?x2xf32>, memref<?x2xf32, strided<[?, 1], offset: ?>>) -> ()
  return
}
