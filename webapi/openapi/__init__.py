"""The OpenAPI document: views declare beside their code what they take and give, the rest is read from the routes."""
