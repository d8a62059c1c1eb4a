// RUN: lutra-opt %s --lutra-plan-arena --verify-diagnostics

// expected-error@below {{'lutra_arena' is the function that gives a call its arena; rename this symbol}}
func.func private @lutra_arena()
func.func @main() {
  return
}
