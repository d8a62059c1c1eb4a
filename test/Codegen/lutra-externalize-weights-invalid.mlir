// RUN: lutra-opt %s --lutra-externalize-weights --split-input-file --verify-diagnostics

// expected-error@below {{expected a function @main with a body, the entry of the model}}
module {
}

// -----

// expected-error@below {{the weights of this module are externalized already}}
module attributes {lutra.weights = []} {
  func.func @main() {
    return
  }
}
