;; 16,384 headers, each with the same 64 KiB for its name: 1 GiB out of half a megabyte.
(func $receive (local $at i32)
  (local.set $at (i32.const 65536))
  (loop $on
    (i32.store (local.get $at) (i32.const 393216))
    (i32.store offset=4 (local.get $at) (i32.const 65536))
    (local.set $at (i32.add (local.get $at) (i32.const 16)))
    (br_if $on (i32.lt_u (local.get $at) (i32.const 327680))))
  (i32.store8 offset=12 (i32.const 0) (i32.const 1))
  (i32.store16 offset=16 (i32.const 0) (i32.const 200))
  (i32.store offset=20 (i32.const 0) (i32.const 65536))
  (i32.store offset=24 (i32.const 0) (i32.const 16384)))
