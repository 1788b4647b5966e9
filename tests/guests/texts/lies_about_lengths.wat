;; Two billion events, from a memory of half a megabyte.
(func $receive
  (i32.store offset=4 (i32.const 0) (i32.const 4096))
  (i32.store offset=8 (i32.const 0) (i32.const 0x7fffffff)))
