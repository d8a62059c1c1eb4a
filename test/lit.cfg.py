# How lit finds and runs the tests of this folder.
import os

import lit.formats

config.name = "Lutra"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test", ".py", ".lmma"]
config.excludes = ["lit.cfg.py", "Inputs", "Fixtures", "Unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.lutra_obj_root, "test")

tools = os.path.join(config.lutra_obj_root, "bin")
config.environment["PATH"] = os.pathsep.join([tools, config.llvm_tools_dir, config.environment["PATH"]])
config.environment["PYTHONPATH"] = os.path.join(config.lutra_src_root, "python")
config.environment["LUTRA_LIBRARY_DIR"] = os.path.join(config.lutra_obj_root, "lib")
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
config.substitutions.append(("%python", config.lutra_python))
config.substitutions.append(("%fixtures", os.path.join(config.test_source_root, "Fixtures")))
config.substitutions.append(("%lutra_src", config.lutra_src_root))
config.substitutions.append(("%lutra_obj", config.lutra_obj_root))
config.substitutions.append(("%llvm_libs", os.path.join(os.path.dirname(config.llvm_tools_dir), "lib")))

# What the machine that runs the tests can execute.
cpuinfo = open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else ""
for feature in ("avx2", "avx512bw", "avx512vl", "fma"):
    if feature in cpuinfo.split():
        config.available_features.add(feature)
if config.sanitized:
    config.available_features.add("sanitized")
