;; Rejects as malformed, with a reason that no UTF-8 is: a surrogate, an overlong slash, a byte that never occurs.
(data (i32.const 4096) "why: \ed\a0\80\c0\af\ff")
(func $receive
  (i32.store8 (i32.const 0) (i32.const 1))
  (i32.store8 offset=4 (i32.const 0) (i32.const 1))
  (i32.store offset=8 (i32.const 0) (i32.const 4096))
  (i32.store offset=12 (i32.const 0) (i32.const 11)))
