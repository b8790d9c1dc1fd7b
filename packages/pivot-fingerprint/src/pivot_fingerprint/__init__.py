"""Which code does this function depend on, and did it change?"""
