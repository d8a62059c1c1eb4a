"""Checks that each option named in the help text of lutrac is registered: `--help-hidden` lists those that are."""

import re
import subprocess
import sys

text = open(sys.argv[1]).read().split("EXAMPLES:")[0]
named = set(re.findall(r"(?<![\w<-])--?([A-Za-z][\w-]*)", text))
hidden = subprocess.run(["lutrac", "--help-hidden"], capture_output=True, text=True, check=True).stdout
known = set(re.findall(r"^\s+--?([A-Za-z][\w-]*)", hidden, re.M)) | {"help", "help-hidden", "version"}
missing = sorted(named - known)
sys.exit(f"options in --help that do not exist: {missing}" if missing else 0)
