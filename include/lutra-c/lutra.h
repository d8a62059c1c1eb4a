/*===- lutra.h - the C API of Lutra ---------------------------------------===*\
|*
|* Compiling a model and running the result, for any language that can call C (the Python package uses it through ctypes).
|* Library: libLutraC.so.
|*
|* Every function that can fail returns 0 for success. Otherwise it returns 1 and, when `error` is not null, sets *error to a
|* message that the caller frees with lutraFree. No function aborts the process or lets an exception through for what a
|* caller can do wrong; null where a pointer is needed is an error like any other.
|*
|* Different sessions may be used from different threads. One session runs one call at a time: concurrent calls wait.
|*
\*===----------------------------------------------------------------------===*/
#ifndef LUTRA_C_LUTRA_H
#define LUTRA_C_LUTRA_H

#include <stdint.h>

#if defined(__GNUC__)
#define LUTRA_API __attribute__((visibility("default")))
#else
#define LUTRA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A compiled model, loaded. */
typedef struct LutraSession LutraSession;

/** An array of the caller's. `dtype` is a number of ONNX's TensorProto.DataType (1 f32, 2 u8, 3 i8, 6 i32, 7 i64, 9 bool,
 *  10 f16); elements of less than a byte and 8-bit floats (17 to 26) take a byte each, their code in its low bits.
 *  `sizes` and `strides` have `rank` elements; strides count elements, and null means row-major. */
typedef struct {
  void *data;
  int32_t dtype;
  int32_t rank;
  const int64_t *sizes;
  const int64_t *strides;
} LutraTensor;

/** Flags of lutraSessionOpen. */
enum {
  /** Do not compare the hashes of the artifact's files with the manifest's. */
  LUTRA_SKIP_HASHES = 1,
  /** Compare every byte of the weights, not samples of large ones. */
  LUTRA_VERIFY_HASHES = 2
};

/** Lutra's version number, such as "0.1.0". Never freed. */
LUTRA_API const char *lutraVersion(void);

/** Frees a message that another function returned. Null is fine. */
LUTRA_API void lutraFree(void *message);

/** Compiles the ONNX file `model` to the artifact directory `outDir` for `target` ("cpu", "ltc"; null: "cpu"). Each target
 *  option is "<target>.<key>=<value>". `progress`, if not null, is called as steps begin, with the fraction of the work
 *  done before them; `user` is handed through. */
LUTRA_API int lutraCompile(const char *model, const char *outDir, const char *target, const char *const *targetOptions,
                           int numTargetOptions, void (*progress)(const char *phase, double fraction, void *user), void *user,
                           char **error);

/** Opens an artifact directory: checks the manifest, the CPU, the files and their ABI, and loads it. */
LUTRA_API int lutraSessionOpen(const char *artifactDir, int flags, LutraSession **out, char **error);

/** Closes a session. Null is fine. */
LUTRA_API void lutraSessionClose(LutraSession *session);

/** The text of the artifact's manifest.json; lives as long as the session. */
LUTRA_API const char *lutraSessionManifest(LutraSession *session);

/** Threads for later runs; 0 leaves the choice to OpenMP. */
LUTRA_API int lutraSessionSetThreads(LutraSession *session, int n);

/** Runs the model: arrays in the manifest's order, outputs allocated by the caller with the shapes that the inputs imply. An
 *  output may be the memory of an input where the model allows it (a key-value cache updated in place). */
LUTRA_API int lutraSessionRun(LutraSession *session, const LutraTensor *inputs, int numInputs, const LutraTensor *outputs,
                              int numOutputs, char **error);

#ifdef __cplusplus
}
#endif

#endif /* LUTRA_C_LUTRA_H */
