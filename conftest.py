"""Property tests check the same examples each time, so that what fails a change is the change.

`pytest --hypothesis-profile=search` looks at new ones, others each time.
"""

from hypothesis import settings

# A busy machine makes single examples slow; what hangs is ended by pytest's own timeout.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile("same")
