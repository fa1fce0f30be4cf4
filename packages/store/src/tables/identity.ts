import type { Generated } from 'kysely'

/** Tables of `0002-identity.sql`. */
export interface IdentityTables {
  projects: ProjectsTable
  users: UsersTable
  role_assignments: { user_id: string; project_id: string; role: 'reader' | 'member' | 'admin' }
  tokens: TokensTable
  login_failures: { key: string; failures: number; since: Date }
}

interface Dated {
  created_at: Generated<Date>
  updated_at: Date | null
}

interface ProjectsTable extends Dated {
  id: string
  name: string
  description: Generated<string>
  enabled: Generated<boolean>
}

interface UsersTable extends Dated {
  id: string
  name: string
  password_hash: string
  email: string | null
  description: Generated<string>
  enabled: Generated<boolean>
  default_project_id: string | null
}

interface TokensTable {
  hash: Buffer
  user_id: string
  project_id: string | null
  methods: string[]
  audit_id: string
  issued_at: Date
  expires_at: Date
}
