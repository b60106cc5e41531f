"""The decisions of `/authorize`: looks a secret up, decides by its terms, counts, and logs the
decision.
"""
