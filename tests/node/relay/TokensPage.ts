// A page as a Relay front-end writes it: compiled in tests, never run.
import { graphql } from "relay-runtime";

export const query = graphql`
  query TokensPageQuery($first: Int!, $after: String, $search: String) {
    viewer {
      name
      role
    }
    tenant {
      name
      apiUrl
    }
    permissionCategories {
      name
      permissions {
        key
        name
        method
        path
      }
    }
    ...TokensPage_tokens @arguments(first: $first, after: $after, search: $search)
  }
`;

export const tokens = graphql`
  fragment TokensPage_tokens on Query
  @argumentDefinitions(
    first: { type: "Int", defaultValue: 50 }
    after: { type: "String" }
    search: { type: "String" }
  )
  @refetchable(queryName: "TokensPagePaginationQuery") {
    tokens(first: $first, after: $after, search: $search) @connection(key: "TokensPage_tokens") {
      edges {
        node {
          id
          ...TokensPage_row
        }
      }
    }
  }
`;

export const row = graphql`
  fragment TokensPage_row on Token @refetchable(queryName: "TokensPageRowQuery") {
    name
    description
    hint
    revision
    createdAt
    lastUsedAt
    createdBy {
      name
    }
    permissions {
      key
    }
    ...TokensPage_activity
  }
`;

export const activity = graphql`
  fragment TokensPage_activity on Token
  @argumentDefinitions(first: { type: "Int", defaultValue: 20 }, after: { type: "String" })
  @refetchable(queryName: "TokensPageActivityQuery") {
    activity(first: $first, after: $after) @connection(key: "TokensPage_activity") {
      edges {
        node {
          id
          occurredAt
          actor {
            name
          }
          ... on TokenNameChanged {
            previousName
            name
          }
          ... on TokenPermissionsEdited {
            granted {
              key
            }
            withdrawn {
              key
            }
          }
          ... on TokenRevoked {
            reason
          }
        }
      }
    }
  }
`;

export const createToken = graphql`
  mutation TokensPageCreateMutation($input: CreateTokenInput!, $connections: [ID!]!) {
    createToken(input: $input) {
      __typename
      ... on CreateTokenPayload {
        secret
        token
          @prependNode(connections: $connections, edgeTypeName: "TokenEdge") {
          id
          ...TokensPage_row
        }
      }
      ... on InvalidInput {
        field
        message
      }
      ... on SecretAlreadyShown {
        message
        token {
          id
        }
      }
    }
  }
`;

export const setPermissions = graphql`
  mutation TokensPageSetPermissionsMutation($input: SetPermissionsInput!) {
    setPermissions(input: $input) {
      __typename
      ... on SetPermissionsPayload {
        token {
          ...TokensPage_row
        }
      }
      ... on RevisionConflict {
        message
        token {
          ...TokensPage_row
        }
      }
      ... on Problem {
        code
        message
      }
    }
  }
`;
