// RUN: lutra-opt %s --split-input-file --verify-diagnostics

// A shared buffer is neither read nor written while a copy is on its way there.

lmma.kernel @read(%w: memref<4096xi8>) {
  %s = lmma.shared : memref<1024xi8, #lmma.shared>
  // expected-note@+1 {{the copy is here}}
  lmma.copy %w[0] to %s[0] sizes [1024] token 2 : memref<4096xi8> to memref<1024xi8, #lmma.shared>
  lmma.wait 1
  // expected-error@+1 {{uses a shared buffer while a copy is on its way there; put 'lmma.wait 2' before it (C4 of lmma.kernel)}}
  %c = lmma.load_weights %s[0] pitch 256 : memref<1024xi8, #lmma.shared> -> !lmma.weights<4, 8>
}

// -----

lmma.kernel @second_token(%w: memref<4096xi8>) {
  %s = lmma.shared : memref<1024xi8, #lmma.shared>
  // Copies with one token may go to one buffer.
  lmma.copy %w[0] to %s[0] sizes [512] token 0 : memref<4096xi8> to memref<1024xi8, #lmma.shared>
  // expected-note@-1 {{the copy is here}}
  lmma.copy %w[512] to %s[512] sizes [256] token 0 : memref<4096xi8> to memref<1024xi8, #lmma.shared>
  // expected-error@+1 {{put 'lmma.wait 0' before it}}
  lmma.copy %w[768] to %s[768] sizes [256] token 1 : memref<4096xi8> to memref<1024xi8, #lmma.shared>
}

// -----

lmma.kernel @left_at_the_end(%w: memref<4096xi8>) {
  %s = lmma.shared : memref<1024xi8, #lmma.shared>
  lmma.for %i = 0 to 4 step 1 {
    // expected-error@+1 {{is on its way at the end of the loop's body, but not at its start; wait for token 0 inside (C4 of lmma.kernel)}}
    lmma.copy %w[%i * 1024] to %s[0] sizes [1024] token 0 : memref<4096xi8> to memref<1024xi8, #lmma.shared>
  }
}

// -----

lmma.kernel @waited_in_a_loop(%w: memref<4096xi8>) {
  %s = lmma.shared : memref<1024xi8, #lmma.shared>
  // expected-error@+1 {{is waited for in a loop that a copy with token 0 into the same buffer must end with (C4 of lmma.kernel)}}
  lmma.copy %w[0] to %s[0] sizes [1024] token 0 : memref<4096xi8> to memref<1024xi8, #lmma.shared>
  lmma.for %i = 0 to 4 step 1 {
    lmma.wait 0
  }
}

// -----

// Two stages, filled in turns: each is waited for before it is read.
lmma.kernel @double_buffered(%w: memref<4096xi8>) {
  %a = lmma.shared : memref<512xi8, #lmma.shared>
  %b = lmma.shared : memref<512xi8, #lmma.shared>
  lmma.copy %w[0] to %a[0] sizes [512] token 0 : memref<4096xi8> to memref<512xi8, #lmma.shared>
  lmma.for %i = 0 to 6 step 2 {
    lmma.copy %w[%i * 512 + 512] to %b[0] sizes [512] token 1 : memref<4096xi8> to memref<512xi8, #lmma.shared>
    lmma.wait 0
    %c = lmma.load_weights %a[0] pitch 256 : memref<512xi8, #lmma.shared> -> !lmma.weights<2, 8>
    lmma.copy %w[%i * 512 + 1024] to %a[0] sizes [512] token 0 : memref<4096xi8> to memref<512xi8, #lmma.shared>
    lmma.wait 1
    %d = lmma.load_weights %b[0] pitch 256 : memref<512xi8, #lmma.shared> -> !lmma.weights<2, 8>
  }
}
