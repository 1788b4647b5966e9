;; Rust has no way to say this: a table that grows until it is refused.
(table $t 0 100000000 funcref)
(func $receive
  (loop $on (br_if $on (i32.ne (table.grow $t (ref.null func) (i32.const 10000)) (i32.const -1))))
  unreachable)
