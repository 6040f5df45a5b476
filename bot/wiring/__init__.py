"""The only place where ports meet adapters; owns their lifetimes."""
