"""Every bound on what is read from files, in one place; docs/limits.md is the same table in words.

A bound is checked before what it bounds is unpacked, allocated or run. Sizes are in bytes unless the
name says otherwise. What a network can do, or an algorithm needs, is not a limit and stands with it.
"""
