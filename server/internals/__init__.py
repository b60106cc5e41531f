"""The private parts of libraries that Tessera relies on, one module a library.

A version of a library may lack or change them without notice. Each module lists the parts in use
and checks them before an instance serves. If a public way gives the same answers, the service uses
it and logs a warning. Otherwise it refuses to start, with a message.
"""
