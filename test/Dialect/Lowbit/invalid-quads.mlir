// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{quads are an order of full indices of tables; leave symmetric or quads out}}
func.func private @symmetric() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, symmetric = true, quads = true>}

// -----

// expected-error @+1 {{quads are an order of full indices of tables; leave triples or quads out}}
func.func private @triples() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, triples = true, quads = true>}

// -----

// expected-error @+1 {{quads are an order of full indices of tables; leave codebook or quads out}}
func.func private @codebook() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, codebook = [0, 3], quads = true>}
