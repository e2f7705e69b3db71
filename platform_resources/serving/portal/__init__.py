"""The portal: pages for people, rendered on the server from the same answers as the API. No build step, no internet."""
