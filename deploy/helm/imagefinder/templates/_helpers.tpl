{{- define "imagefinder.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 46 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "imagefinder.selector" -}}
app.kubernetes.io/name: imagefinder
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "imagefinder.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "imagefinder.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* The image, with (list $ TAG) for another tag than that of the servers */ -}}
{{- define "imagefinder.image" -}}
{{- $root := index . 0 }}{{ $tag := index . 1 -}}
{{- $image := $root.Values.image -}}
{{- if and $image.digest (not $tag) -}}
{{ printf "%s@%s" $image.repository $image.digest | quote }}
{{- else -}}
{{ printf "%s:%s" $image.repository ($tag | default $image.tag | default $root.Chart.AppVersion) | quote }}
{{- end -}}
{{- end -}}

{{- define "imagefinder.secretName" -}}
{{- .Values.secret.existing | default (include "imagefinder.fullname" .) -}}
{{- end -}}

{{- define "imagefinder.serviceAccountName" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else -}}
{{- ternary (include "imagefinder.fullname" .) "default" .Values.serviceAccount.create -}}
{{- end -}}
{{- end -}}

{{- define "imagefinder.imagesClaim" -}}
{{- $made := printf "%s-images" (include "imagefinder.fullname" .) -}}
{{- .Values.images.existingClaim | default (ternary $made "" (not (empty .Values.images.size))) -}}
{{- end -}}

{{- define "imagefinder.dataClaim" -}}
{{- $made := printf "%s-data" (include "imagefinder.fullname" .) -}}
{{- .Values.data.existingClaim | default (ternary $made "" (not (empty .Values.data.size))) -}}
{{- end -}}

{{- /* What goes wrong only in the cluster otherwise, and then late */ -}}
{{- define "imagefinder.check" -}}
{{- $values := .Values -}}
{{- if regexMatch "^[a-z]+://[^/@]*:[^/@]+@" $values.index.address -}}
{{- fail "index.address holds a password, which everybody who may see the pods could read: put it into the Secret as PGPASSWORD or QDRANT_API_KEY, or the whole address as IMAGEFINDER_INDEX" -}}
{{- end -}}
{{- if and $values.secret.existing $values.secret.data -}}
{{- fail "give secret.existing or secret.data, not both" -}}
{{- end -}}
{{- if not $values.secret.existing -}}
{{- if not (or $values.index.address (hasKey $values.secret.data "IMAGEFINDER_INDEX")) -}}
{{- fail "no index: set index.address to its address, or give a Secret that holds it as IMAGEFINDER_INDEX" -}}
{{- end -}}
{{- if lt (len (get $values.secret.data "IMAGEFINDER_KEY" | default "")) 16 -}}
{{- fail "no key: secret.data.IMAGEFINDER_KEY must be a random text of 16 characters or more, the same for all servers; or set secret.existing to a Secret that holds it as IMAGEFINDER_KEY" -}}
{{- end -}}
{{- end -}}
{{- if and $values.images.existingClaim $values.images.size -}}
{{- fail "give images.existingClaim or images.size, not both" -}}
{{- end -}}
{{- if and $values.data.existingClaim $values.data.size -}}
{{- fail "give data.existingClaim or data.size, not both" -}}
{{- end -}}
{{- if and $values.autoscaling.enabled (gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas is above maxReplicas" -}}
{{- end -}}
{{- if not (add $values.server.maxUnavailable $values.server.maxSurge) -}}
{{- fail "server.maxUnavailable and maxSurge are both 0: then no server could ever be replaced" -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.hosts) -}}
{{- fail "ingress.enabled needs ingress.hosts: the servers answer only to names that they know" -}}
{{- end -}}
{{- if and $values.metrics.prometheusRule.enabled (not $values.metrics.prometheusRule.rules) -}}
{{- fail "metrics.prometheusRule.enabled needs the rules: --set-file metrics.prometheusRule.rules=FILE" -}}
{{- end -}}
{{- end -}}

{{- /* Variables of all containers; with (list $ PROVIDER) */ -}}
{{- define "imagefinder.env" -}}
{{- $root := index . 0 }}{{ $provider := index . 1 -}}
{{- $given := deepCopy $root.Values.env -}}
{{- $own := dict "HOME" "/tmp" "XDG_DATA_HOME" "/data" "XDG_STATE_HOME" "/tmp/state" "XDG_CACHE_HOME" "/tmp/cache" -}}
{{- with $root.Values.index.address }}{{ $_ := set $own "IMAGEFINDER_INDEX" . }}{{ end -}}
{{- with $provider }}{{ $_ := set $own "IMAGEFINDER_PROVIDER" . }}{{ end -}}
{{- with $root.Values.server.rate }}{{ $_ := set $own "IMAGEFINDER_RATE" . }}{{ end -}}
env:
{{- range $name, $value := merge $given $own }}
  - name: {{ $name }}
    value: {{ $value | toString | quote }}
{{- end }}
envFrom:
  - secretRef:
      name: {{ include "imagefinder.secretName" $root }}
{{- end -}}

{{- define "imagefinder.mounts" -}}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: data
    mountPath: /data
{{- if include "imagefinder.imagesClaim" . }}
  - name: images
    mountPath: {{ .Values.images.mountPath }}
    readOnly: {{ .Values.images.readOnly }}
{{- end }}
{{- end -}}

{{- define "imagefinder.volumes" -}}
volumes:
  - name: tmp
    emptyDir:
      sizeLimit: {{ .Values.tmpLimit }}
  - name: data
{{- with include "imagefinder.dataClaim" . }}
    persistentVolumeClaim:
      claimName: {{ . }}
{{- else }}
    emptyDir:
      sizeLimit: {{ .Values.data.emptyDirLimit }}
{{- end }}
{{- with include "imagefinder.imagesClaim" . }}
  - name: images
    persistentVolumeClaim:
      claimName: {{ . }}
      readOnly: {{ $.Values.images.readOnly }}
{{- end }}
{{- end -}}

{{- /* What servers and jobs have in common */ -}}
{{- define "imagefinder.pod" -}}
serviceAccountName: {{ include "imagefinder.serviceAccountName" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{- /* Fetches models into the volume of data; with (list $ TAG) */ -}}
{{- define "imagefinder.models" -}}
{{- $root := index . 0 }}{{ $tag := index . 1 -}}
{{- if $root.Values.models }}
initContainers:
{{- range $n, $model := $root.Values.models }}
  - name: model-{{ $n }}
    image: {{ include "imagefinder.image" (list $root $tag) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [imagefinder]
    args: [models, pull, {{ $model | quote }}]
    env:
      - name: HOME
        value: /tmp
      - name: XDG_DATA_HOME
        value: /data
      - name: XDG_CACHE_HOME
        value: /data/cache
    securityContext:
      {{- toYaml $root.Values.securityContext | nindent 6 }}
    resources:
      requests:
        cpu: 100m
        memory: 512Mi
      limits:
        memory: 2Gi
    {{- include "imagefinder.mounts" $root | nindent 4 }}
{{- end }}
{{- end }}
{{- end -}}
