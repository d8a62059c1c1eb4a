// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// expected-error @+1 {{triples are for tiles of 64 rows, but rows is 16}}
func.func private @rows() attributes {lowbit.example = #lowbit.layout<rows = 16, alpha = f16, triples = true>}

// -----

// expected-error @+1 {{triples are codes themselves, not indices; leave symmetric or triples out}}
func.func private @symmetric() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, symmetric = true, triples = true>}

// -----

// expected-error @+1 {{triples are codes themselves, not indices; leave codebook or triples out}}
func.func private @codebook() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, codebook = [0, 1], triples = true>}

// -----

// expected-error @+1 {{triples are read beside zetas, not quotients; leave quotients or triples out}}
func.func private @quotients() attributes {lowbit.example = #lowbit.layout<rows = 64, alpha = f16, zeta = f16, triples = true, quotients = true>}

// -----

// expected-error @+1 {{triples hold codes of 0, 1 and 2 in two planes that share an alpha, but the format is #lowbit.bipolar<planes = 3, group = 24, zeta = 1.000000e+00 : f32>}}
func.func private @planes() attributes {lowbit.example = #lowbit.packed<#lowbit.bipolar<planes = 3, group = 24, zeta = 1.0 : f32>,
    #lowbit.layout<rows = 64, alpha = f16, triples = true>>}

// -----

// expected-error @+1 {{triples hold codes of 0, 1 and 2 in two planes that share an alpha, but the format is #lowbit.bcq<planes = 2, group = 24>}}
func.func private @bcq() attributes {lowbit.example = #lowbit.packed<#lowbit.bcq<planes = 2, group = 24>,
    #lowbit.layout<rows = 64, alpha = f16, zeta = f16, triples = true>>}
