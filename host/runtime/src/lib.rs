//! WebAssembly and nothing else: loads, pictures, calls and bounds plugins.
